"""Conversations for vision-language models: the target asked for, or questions that geometry answers."""
