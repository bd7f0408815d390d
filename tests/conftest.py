from __future__ import annotations

pytest_plugins = ["actors.pytest_plugin"]
