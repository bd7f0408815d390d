"""What it costs that the leading master is lost."""
