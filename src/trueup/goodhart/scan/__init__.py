"""Signs of gaming in source, patches, transcripts, tests, graders and judge prompts."""
