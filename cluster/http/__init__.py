"""The pages of master and agent: what they know as JSON, a sandbox's files, and one page for people."""
