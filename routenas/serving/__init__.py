"""``routenas serve``: one warm model that answers over HTTP, on loopback or a Unix socket.

``requests`` says what may be asked and which files may be read, ``service`` answers with one thread that scores and a
bounded queue, ``http`` is what is heard and said on a connection, ``openapi`` the description of all this for clients.
"""
