"""What Claude Code can show, scenario by scenario, in the order in which it is played."""

from tests.recorder.claude_scenarios import start  # noqa: F401, I001
from tests.recorder.claude_scenarios import talk, quotes, dialogs, drafts  # noqa: F401
from tests.recorder.claude_scenarios import menus, agents_view, background, errors, limits, endings, screen_reader  # noqa: F401
