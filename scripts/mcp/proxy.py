"""A way to a server that loses replies when it is told to."""

import asyncio


class Proxy:
    """Carries bytes to `target` (host, port). What it loses, the server has done."""

    def __init__(self, target):
        self.target = target
        self.losing = False
        self.lost = asyncio.Event()
        self.near = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.carry, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        self.drop()

    def lose_the_next_reply(self):
        self.losing = True
        self.lost.clear()

    def drop(self):
        """Cuts every client off now. The server is not told: it goes on, and answers nobody."""
        for writer in self.near:
            writer.transport.abort()

    async def carry(self, near_in, near_out):
        far_in, far_out = await asyncio.open_connection(*self.target)
        self.near.add(near_out)
        up = asyncio.create_task(self.pump(near_in, far_out))
        try:
            while data := await far_in.read(65536):
                if self.losing:
                    self.losing = False
                    self.lost.set()
                    near_out.transport.abort()
                    return
                near_out.write(data)
                await near_out.drain()
        except ConnectionError:
            pass
        finally:
            up.cancel()
            self.near.discard(near_out)
            near_out.close()
            far_out.close()

    @staticmethod
    async def pump(reader, writer):
        """Requests only: when the client is gone, the server's connection stays open for its reply."""
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
