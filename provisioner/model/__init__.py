"""What a notebook is: addresses, its declared and observed fields, and what changing each of them costs."""
