"""The second version of Milvus' REST interface before milvus-lite, which speaks gRPC alone.

    python milvus_rest.py DIRECTORY

Prints its address, and ends with its input. Expressions, searches and counts are those of the real engine, asked by
Milvus' own client; here is only the translation that the proxy of a Milvus server makes.
"""
import http.server
import json
import sys
import threading

from pymilvus import DataType, MilvusClient, MilvusException

TOKEN = "root:the-password-of-the-stub"
KINDS = {"Int64": DataType.INT64, "VarChar": DataType.VARCHAR, "FloatVector": DataType.FLOAT_VECTOR}

client = MilvusClient(sys.argv[1] + "/milvus.db")
# The engine is one for all requests.
turn = threading.Lock()


def create(body):
    schema = client.create_schema(auto_id=body["schema"]["autoId"],
                                  enable_dynamic_field=body["schema"]["enableDynamicField"])
    for field in body["schema"]["fields"]:
        parameters = {name: int(value) for name, value in field.get("elementTypeParams", {}).items()}
        schema.add_field(field["fieldName"], KINDS[field["dataType"]],
                         is_primary=field.get("isPrimary", False), **parameters)
    indexes = client.prepare_index_params()
    for index in body["indexParams"]:
        indexes.add_index(index["fieldName"], index_type=index["indexType"], index_name=index["indexName"],
                          metric_type=index["metricType"])
    client.create_collection(body["collectionName"], schema=schema, index_params=indexes,
                             consistency_level=body["params"]["consistencyLevel"])
    return {}


def upsert(body):
    count = client.upsert(body["collectionName"], body["data"])["upsert_count"]
    return {"upsertCount": count}


def delete(body):
    client.delete(body["collectionName"], filter=body["filter"])
    return {}


def query(body):
    return list(client.query(body["collectionName"], filter=body["filter"],
                             output_fields=body["outputFields"], **limit(body)))


def limit(body):
    return {"limit": body["limit"]} if "limit" in body else {}


def search(body):
    found = client.search(body["collectionName"], data=body["data"], anns_field=body["annsField"],
                          filter=body["filter"], output_fields=body["outputFields"], **limit(body))
    return [{"distance": hit["distance"], **hit["entity"]} for hit in found[0]]


VERBS = {
    "collections/create": create,
    "collections/describe": lambda body: {"collectionName": body["collectionName"]},
    "entities/upsert": upsert,
    "entities/delete": delete,
    "entities/query": query,
    "entities/search": search,
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        verb = self.path.removeprefix("/v2/vectordb/")
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            return self.answer(401, {"code": 1800, "message": "user hasn't authenticated"})
        with turn:
            is_there = client.has_collection(body["collectionName"])
            if not is_there and verb != "collections/create":
                return self.answer(200, {"code": 100, "message": "can't find collection"})
            try:
                return self.answer(200, {"code": 0, "data": VERBS[verb](body)})
            except MilvusException as error:
                return self.answer(200, {"code": error.code or 65535, "message": error.message})
            except Exception as error:
                return self.answer(200, {"code": 1100, "message": f"{type(error).__name__}: {error}"})

    def answer(self, status, body):
        data = json.dumps(body, default=float).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_port}", flush=True)
sys.stdin.read()
