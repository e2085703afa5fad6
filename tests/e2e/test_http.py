#!/usr/bin/python3
"""Health, metrics and SQL over HTTP."""

import json

import harness


class Http(harness.ServerTest):
    def post(self, body, path="/api/sql", **headers):
        given = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, text, _ = self.server.http("POST", path, body if isinstance(body, (str, bytes)) else json.dumps(body), given)
        return status, text

    def results(self, body):
        status, text = self.post(body)
        self.assertEqual(status, 200, text)
        return json.loads(text)["results"]

    def test_health(self):
        status, _, _ = self.server.http("GET", "/health")
        self.assertEqual(status, 200)

    def test_metrics_are_prometheus_text(self):
        self.sql.query("SELECT 1")
        status, text, headers = self.server.http("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        samples = {}
        for line in text.splitlines():
            if line.startswith("#"):
                self.assertRegex(line, r"^# (HELP|TYPE) [a-z_]+ ")
            elif line:
                self.assertRegex(line, r'^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+0-9.einfaN]+$')
                samples[line.rsplit(" ", 1)[0]] = float(line.rsplit(" ", 1)[1])
        self.assertTrue(samples)

    def test_a_query_gives_rows_and_names(self):
        (result,) = self.results({"query": "SELECT 1 AS a, 'x' AS b, NULL AS c, 2.5 AS d, true AS e"})
        self.assertEqual(len(result["rows"]), 1)
        self.assertEqual(result["rows"][0][1:3], ["x", None])
        self.assertEqual(str(result["rows"][0][0]), "1")
        names = result.get("col_names") or [column["name"] for column in result["desc"]["columns"]]
        self.assertEqual(names, ["a", "b", "c", "d", "e"])
        self.assertEqual(result["tag"], "SELECT 1")
        self.assertEqual(result["notices"], [])

    def test_several_statements_stop_at_the_first_error(self):
        results = self.results({"query": "CREATE TABLE several (x int); INSERT INTO several VALUES (1), (2); "
                                         "SELECT nosuch; SELECT 1"})
        self.assertEqual(results[0]["ok"], "CREATE TABLE")
        self.assertEqual(results[1]["ok"], "INSERT 0 2")
        self.assertEqual(results[2]["error"]["code"], "42703")
        self.assertEqual(results[2]["error"]["message"], 'column "nosuch" does not exist')
        self.assertEqual(len(results), 3)

    def test_queries_take_parameters(self):
        results = self.results({"queries": [
            {"query": "SELECT $1::int + 1 AS n, $2::text AS t", "params": ["41", None]}, {"query": "SELECT 2"}]})
        self.assertEqual([str(results[0]["rows"][0][0]), results[0]["rows"][0][1]], ["42", None])
        self.assertEqual(str(results[1]["rows"][0][0]), "2")

    def test_copy_to_stdout_is_refused(self):
        (result,) = self.results({"query": "COPY (SELECT 1) TO STDOUT"})
        self.assertIn("unsupported via this API", result["error"]["message"])

    def test_only_json_is_taken(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            status, _ = self.post(json.dumps({"query": "SELECT 1"}), Content_Type=kind)
            self.assertEqual(status, 415, kind)
        for body in ("", "{", "[]", "{}", '{"query": 1}', '{"queries": {}}', '{"query": "SELECT 1", "nosuch": 1'):
            status, _ = self.post(body)
            self.assertEqual(status, 400, body)

    def test_pages_of_others_may_not_ask(self):
        body = {"query": "SELECT 1"}
        self.assertEqual(self.post(body, Origin="http://evil.example")[0], 403)
        self.assertEqual(self.post(body, Host="evil.example")[0], 403)
        own = f"127.0.0.1:{self.server.http_port}"
        self.assertEqual(self.post(body, Host=own, Origin=f"http://{own}")[0], 200)
        self.assertEqual(self.post(body, Host=f"localhost:{self.server.http_port}")[0], 200)

    def test_what_is_not_there(self):
        self.assertEqual(self.server.http("GET", "/nosuch")[0], 404)
        self.assertIn(self.server.http("GET", "/api/sql")[0], (404, 405))


class HostNames(harness.OwnServers):
    """By which names the server may be called, as from behind a proxy or in docker compose."""

    def status(self, server, host, origin=None):
        headers = {"Content-Type": "application/json", "Host": host, **({"Origin": origin} if origin else {})}
        return server.http("POST", "/api/sql", json.dumps({"query": "SELECT 1"}), headers)[0]

    def expect(self, server, allowed, refused):
        for host in ("localhost", "127.0.0.1", f"127.0.0.1:{server.http_port}", *allowed):
            self.assertEqual(self.status(server, host), 200, host)
        for host in ("evil.example", "", *refused):
            self.assertEqual(self.status(server, host), 403, host)

    def test_the_default_is_this_machine(self):
        server = self.server()
        self.expect(server, (), ("sluice", "sluice:6876", "sql.example.com"))
        status, body, _ = server.http("POST", "/api/sql", "{}", {"Content-Type": "application/json", "Host": "sluice"})
        self.assertEqual(status, 403)
        self.assertEqual(json.loads(body)["error"]["message"], "Host header not allowed")
        self.assertIn("--http-allowed-hosts", json.loads(body)["error"]["hint"])
        # These tell nothing that a page could not know, and monitoring calls them by any name.
        for path in ("/health", "/metrics"):
            self.assertEqual(server.http("GET", path, headers={"Host": "sluice:6876"})[0], 200)

    def test_names_that_are_allowed(self):
        server = self.server("--http-allowed-hosts", "sluice,sql.Example.com", "--http-allowed-hosts", "fd00::1")
        self.expect(server, ("sluice", "sluice:6876", "SQL.example.com", "[fd00::1]:443"),
                    ("sluice.evil.example", "example.com", "a.sql.example.com", "sluice@evil.example", "fd00::1"))

    def test_a_page_of_an_allowed_name_may_ask(self):
        server = self.server("--http-allowed-hosts", "sql.example.com")
        self.assertEqual(self.status(server, "sql.example.com", "https://sql.example.com"), 200)
        self.assertEqual(self.status(server, "sql.example.com", "https://evil.example"), 403)
        self.assertEqual(self.status(server, "evil.example", "https://evil.example"), 403)

    def test_from_the_environment_and_the_file(self):
        server = self.server(environment={"SLUICE_HTTP_ALLOWED_HOSTS": "sluice,proxy"})
        self.expect(server, ("sluice:6876", "proxy"), ("other",))
        self.expect(self.server(environment={"SLUICE_HTTP_ALLOWED_HOSTS": ""}), (), ("sluice",))  # as compose has it unset
        config = self.folder() + "/sluice.toml"
        with open(config, "w", encoding="utf-8") as file:
            file.write('http-allowed-hosts = ["sluice", "proxy"]\n')
        self.expect(self.server("--config", config), ("sluice:6876", "proxy"), ("other",))

    def test_what_is_no_name_is_refused_at_the_start(self):
        for name in ("http://sluice", "sluice:6876", "*", "*.example.com", "a b", "fd00::x", "sluice,,b/c"):
            server = self.server("--http-allowed-hosts=" + name, ready=False)
            self.assertEqual(server.process.wait(60), 2, name)
            server.reader.join()
            self.assertRegex(server.log(), "--http-allowed-hosts: '.+' is not the name of a host")


if __name__ == "__main__":
    harness.main()
