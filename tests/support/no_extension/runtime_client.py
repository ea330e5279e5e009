"""First on a function's path, this hides awslambdaric's C extension: the machine looks as one without it."""

raise ImportError("hidden by a test")
