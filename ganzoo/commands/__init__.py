"""The commands, by what they are about; `ganzoo.cli` puts them together."""
