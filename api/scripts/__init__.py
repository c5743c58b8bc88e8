"""Screenplays: drafted, validated whole, submitted. Start at `service`; `pilot` and `audio_pack` are the schemas."""
