"""Before against after: what got safer, what got worse, for whom, beyond noise."""
