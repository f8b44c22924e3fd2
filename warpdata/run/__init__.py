"""A run as a function that scripts call: plan, loop, report; export, verify and check of what runs have written."""
