"""Periods of voting: who may vote and with what weight is fixed when one opens; the database itself ends it.

Start from `periods` (how one opens and closes), `rules` (how votes become a result) and `rings` (who counts together).
"""
