"""Which tests ``make quick`` runs."""

import sys

from support import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tests"))
import changed


def test_a_changed_module_brings_the_tests_that_import_it():
    found = changed.touched({"mimic_core/pairs/rules.py", "tests/unit/kit/test_settings.py", "README.md"})
    assert {"tests/unit/pairs/test_candidates.py", "tests/unit/kit/test_settings.py"} <= set(found)
    assert "tests/unit/finetune/test_loop.py" not in found
    assert set(changed.ALWAYS) <= set(found)


def test_a_test_that_is_gone_is_not_run():
    assert changed.touched({"tests/unit/kit/test_gone.py"}) == changed.ALWAYS
