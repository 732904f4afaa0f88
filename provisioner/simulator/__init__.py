"""A local ModelArts notebook service, written from the API page alone; it imports nothing else of this package.

`server.py` runs it, `app.py` routes, `service.py` and `storages.py` hold the operations, `lifecycle.py` the states.
"""
