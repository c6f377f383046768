"""What Codex can show, scenario by scenario, in the order in which it is played."""

from tests.recorder.codex_scenarios import start  # noqa: F401, I001
from tests.recorder.codex_scenarios import talk, dialogs, drafts  # noqa: F401
from tests.recorder.codex_scenarios import menus, errors, limits, endings, surroundings  # noqa: F401
