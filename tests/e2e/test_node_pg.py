#!/usr/bin/python3
"""node-pg, which prepares and binds everything; node_pg.mjs is the test."""

import harness


class NodePg(harness.ServerTest):
    def test_everything(self):
        out = harness.node("e2e/node_pg.mjs", self.server.host, self.server.port)
        self.assertTrue(out.strip().endswith("all well"), out)


if __name__ == "__main__":
    harness.main()
