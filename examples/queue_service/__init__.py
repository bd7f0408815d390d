"""One framework for many users: jobs over HTTP, queues, sessions, and a memory that outlives the process."""
