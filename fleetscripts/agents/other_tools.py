"""Files that coding agents of other kinds than ours read as their instructions, permissions or programs."""

STEERING = (
    *("AGENT.md", "CONVENTIONS.md", "CRUSH.md", "GEMINI.md", "QWEN.md", "WARP.md", ".rules"),
    *(".aider.conf.yml", ".amazonq/**", ".augment/**", ".clinerules", ".clinerules/**", ".continue/**"),
    *(".cursor/**", ".cursorrules", ".gemini/**", ".goosehints", ".junie/**", ".kilocode/**", ".kiro/**"),
    *(".opencode/**", "opencode.json*", ".qwen/**", ".roo/**", ".roorules", ".trae/**", ".windsurf/**"),
    *(".windsurfrules", ".github/copilot-instructions.md", ".github/instructions/**"),
)
"""Patterns, as in ``AgentKind.steering``."""
