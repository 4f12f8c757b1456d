"""How each glTF extension is handled: applied, ignored as harmless, or a reason to refuse the scene.

A scene that *requires* an extension from neither table is refused. An extension that it merely uses is ignored if the
file also holds the data in plain form; if not, the scene is refused and the error names the extension
(:func:`names_of`). docs/scenes.md has the same tables with reasons.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

APPLIED = frozenset(
    [
        *("KHR_texture_transform", "KHR_mesh_quantization", "KHR_materials_unlit", "KHR_node_visibility"),
        *("KHR_materials_pbrSpecularGlossiness", "EXT_mesh_gpu_instancing", "EXT_texture_webp", "EXT_texture_avif"),
        *("KHR_texture_basisu", "GOOGLE_texture_basis"),
    ]
)
# gloss, glass, lights, animation and metadata: nothing is lit, mirrored or moved here, and the base colour stays
HARMLESS = frozenset(
    [
        *("KHR_materials_specular", "KHR_materials_ior", "KHR_materials_clearcoat", "KHR_materials_sheen"),
        *("KHR_materials_transmission", "KHR_materials_volume", "KHR_materials_iridescence"),
        *("KHR_materials_anisotropy", "KHR_materials_dispersion", "KHR_materials_emissive_strength"),
        *("KHR_materials_diffuse_transmission", "KHR_materials_volume_scatter", "KHR_materials_variants"),
        *("KHR_lights_punctual", "EXT_lights_image_based", "EXT_lights_ies", "EXT_lights_area"),
        *("KHR_animation_pointer", "KHR_xmp", "KHR_xmp_json_ld", "KHR_audio_emitter", "MSFT_audio_emitter"),
        *("KHR_node_hoverability", "KHR_node_selectability", "KHR_interactivity", "KHR_physics_rigid_bodies"),
        *("KHR_implicit_shapes", "EXT_mesh_features", "EXT_instance_features", "EXT_structural_metadata"),
        *("EXT_feature_metadata", "EXT_mesh_manifold", "CESIUM_primitive_outline", "CESIUM_RTC", "MSFT_lod"),
        *("MSFT_packing_normalRoughnessMetallic", "MSFT_packing_occlusionRoughnessMetallic"),
        *("ADOBE_materials_thin_transparency", "ADOBE_materials_clearcoat_specular", "ADOBE_materials_clearcoat_tint"),
        *("AGI_articulations", "AGI_stk_metadata", "FB_geometry_metadata", "OMI_collider", "OMI_physics_body"),
        *("OMI_physics_shape", "OMI_seat", "OMI_spawn_point", "OMI_link", "EXT_property_animation", "VRM"),
        *("VRMC_vrm", "VRMC_springBone", "VRMC_materials_mtoon", "EXT_materials_bump", "KHR_blend"),
    ]
)
# for extensions that themselves hold the geometry or textures
REMEDIES = {
    "KHR_draco_mesh_compression": "decompress it, or export it without Draco compression",
    "EXT_meshopt_compression": "decompress it, or export it without meshopt compression",
    "KHR_meshopt_compression": "decompress it, or export it without meshopt compression",
    "MSFT_texture_dds": "export it with JPEG or PNG textures",
    "KHR_techniques_webgl": "export its materials as base colour textures",
}
PLAIN = "export it as plain glTF 2.0, without this extension"


def refused(required: Iterable[str]) -> List[str]:
    """Return the required extensions that are not supported, sorted."""
    return sorted(set(required) - APPLIED - HARMLESS)


def unknown(used: Iterable[str]) -> List[str]:
    """Return the used extensions that are in none of the tables, sorted."""
    return sorted(set(used) - APPLIED - HARMLESS - set(REMEDIES))


def remedy(names: Iterable[str]) -> str:
    """Return what to do about unsupported extensions."""
    return "; ".join(dict.fromkeys(REMEDIES.get(name, PLAIN) for name in names)) or PLAIN


def names_of(*entries: Dict[str, Any]) -> List[str]:
    """Return the extensions of glTF objects; one of them holds the data that are missing in plain form."""
    found: List[str] = []
    for entry in entries:
        extensions = entry.get("extensions")
        found += [str(name) for name in extensions] if isinstance(extensions, dict) else []
    return sorted(set(found))
