"""An output folder while it is written: journal, encoder, shards, what is there already."""
