"""Parameter names of NAVER's released CroCo (Weinzaepfel et al., 2022)."""

ENCODER_NAMES = {"enc_blocks.": "blocks.", "enc_norm.": "norm.", "enc_pos_embed": "pos_embed"}  # NAVER's to ours


def encoder_name(name: str) -> str:
    """Return our name of a parameter of NAVER's encoder."""
    for theirs, ours in ENCODER_NAMES.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name
