"""Official clients of vector databases, each doing its own calls against a stand-in.

    python vendors.py VENDOR ADDRESS

What the stand-ins of the tests answer must be what these clients read, and what these clients send must be what the
stand-ins take: so the protocol is tested and not one reading of it. Needs the client of the vendor alone.
"""
import math
import sys
import time
import uuid

POINTS = {number: [math.cos(number), math.sin(number), 0.0, 0.0, 0.0, 0.0, 0.0, 0.1] for number in range(1, 251)}
NAME = "clients_" + uuid.uuid4().hex[:12]


def nearest(to, among=POINTS, count=5):
    """The numbers of the points nearest to another, by comparing with every one."""
    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b)) / math.hypot(*a) / math.hypot(*b)
    return sorted(among, key=lambda number: -cosine(POINTS[number], to))[:count]


def eventually(what, expected):
    until = time.monotonic() + 10
    while (found := what()) != expected:
        assert time.monotonic() < until, f"{found} is not {expected}"
        time.sleep(0.05)


def refused(what, *kinds):
    try:
        what()
    except kinds or Exception as error:
        return str(error)
    raise AssertionError("this should have been refused")


def pinecone(address):
    from pinecone import Pinecone
    client = Pinecone(api_key="the-key-of-the-stub", host=address)
    told = client.describe_index("books")
    assert (told.dimension, told.metric, told.status.ready) == (8, "cosine", True), told
    assert "not found" in refused(lambda: client.describe_index("nothing")).lower()
    index = client.Index(host=told.host)
    for start in range(1, 251, 100):
        index.upsert(namespace=NAME, vectors=[
            {"id": str(n), "values": POINTS[n], "metadata": {"document": n % 5}}
            for n in range(start, min(start + 100, 251))])
    eventually(lambda: index.describe_index_stats().namespaces.get(NAME, {}).get("vector_count"), 250)
    ids = [record if isinstance(record, str) else record.id
           for page in index.list(namespace=NAME) for record in page]
    assert sorted(map(int, ids)) == list(POINTS), ids
    found = index.query(namespace=NAME, vector=POINTS[7], top_k=5)
    assert [int(hit.id) for hit in found.matches] == nearest(POINTS[7]), found
    some = [n for n in POINTS if n % 5 in (1, 2)]
    found = index.query(namespace=NAME, vector=POINTS[7], top_k=5, filter={"document": {"$in": [1, 2]}})
    assert [int(hit.id) for hit in found.matches] == nearest(POINTS[7], some), found
    fetched = index.fetch(ids=["1", "2"], namespace=NAME)
    assert fetched.vectors["2"].metadata["document"] == 2, fetched
    index.delete(namespace=NAME, filter={"document": {"$in": [0]}})
    index.delete(namespace=NAME, ids=["1"])
    eventually(lambda: int(index.describe_namespace(namespace=NAME).record_count), 199)
    assert "dimension" in refused(lambda: index.upsert(namespace=NAME, vectors=[("a", [1.0])])).lower()
    assert "non-zero" in refused(lambda: index.upsert(namespace=NAME, vectors=[("a", [0.0] * 8)]))
    index.delete(namespace=NAME, delete_all=True)
    eventually(lambda: list(index.list(namespace=NAME)), [])
    stranger = Pinecone(api_key="wrong", host=address)
    assert "401" in refused(lambda: stranger.describe_index("books"))


def weaviate(address):
    import weaviate
    key = weaviate.AuthApiKey("the-key-of-the-stub")
    client = weaviate.Client(address, auth_client_secret=key)
    name = NAME.capitalize()
    client.schema.create_class({
        "class": name, "vectorizer": "none", "vectorIndexConfig": {"distance": "cosine"},
        "properties": [{"name": "chunk", "dataType": ["int"]}, {"name": "document", "dataType": ["int"]}]})
    assert client.schema.exists(name)
    id_of = lambda n: str(uuid.UUID(int=n))
    client.batch.configure(batch_size=100)
    with client.batch as batch:
        for n in POINTS:
            batch.add_data_object({"chunk": n, "document": n % 5}, name, uuid=id_of(n), vector=POINTS[n])
    count = lambda: client.query.aggregate(name).with_meta_count().do()["data"]["Aggregate"][name][0]["meta"]["count"]
    assert count() == 250, count()
    read = lambda question: [each["chunk"] for each in question.do()["data"]["Get"][name]]
    near = lambda: client.query.get(name, ["chunk"]).with_near_vector({"vector": POINTS[7]}).with_limit(5)
    assert read(near()) == nearest(POINTS[7])
    where = {"path": ["document"], "operator": "ContainsAny", "valueInt": [1, 2]}
    some = [n for n in POINTS if n % 5 in (1, 2)]
    assert read(near().with_where(where)) == nearest(POINTS[7], some)
    both = {"operator": "And", "operands": [
        {"path": ["chunk"], "operator": "GreaterThan", "valueInt": 100},
        {"path": ["document"], "operator": "NotEqual", "valueInt": 3}]}
    told = read(client.query.get(name, ["chunk"]).with_where(both).with_limit(500)
                .with_sort({"path": ["chunk"], "order": "asc"}))
    assert told == [n for n in POINTS if n > 100 and n % 5 != 3]
    page = client.data_object.get(class_name=name, limit=10, after=id_of(20))["objects"]
    assert [each["id"] for each in page] == [id_of(n) for n in range(21, 31)]
    assert client.data_object.get_by_id(id_of(3), class_name=name)["properties"]["chunk"] == 3
    # Which wants lists of numbers under another name than questions do.
    where = {"path": ["document"], "operator": "ContainsAny", "valueIntArray": [1, 2]}
    while client.batch.delete_objects(name, where=where)["results"]["matches"] > 0:
        pass
    assert count() == 150
    client.data_object.delete(id_of(3), class_name=name)
    assert client.data_object.get_by_id(id_of(3), class_name=name) is None
    client.schema.delete_class(name)
    assert not client.schema.exists(name)
    wrong = weaviate.AuthApiKey("wrong")
    told = refused(lambda: weaviate.Client(address, auth_client_secret=wrong).schema.get())
    assert "401" in told or "anonymous" in told or "log in" in told, told


def astra(address):
    from astrapy import DataAPIClient
    from astrapy.api_options import APIOptions, SerdesOptions
    from astrapy.info import CollectionDefinition
    # Vectors as lists of numbers, as the adapter sends them.
    options = APIOptions(serdes_options=SerdesOptions(binary_encode_vectors=False))
    token = "AstraCS:the-stub:the-token-of-the-stub"
    database = DataAPIClient(api_options=options).get_database(address, token=token, keyspace="default_keyspace")
    definition = CollectionDefinition.builder().with_vector_dimension(8).with_vector_metric("cosine")
    definition = definition.with_indexing("allow", ["document", "chunk"]).build()
    collection = database.create_collection(NAME, definition=definition)
    assert NAME in database.list_collection_names()
    documents = [{"_id": str(n), "chunk": n, "document": n % 5, "$vector": POINTS[n]} for n in POINTS]
    collection.insert_many(documents, chunk_size=100, concurrency=1)
    eventually(lambda: collection.count_documents({}, upper_bound=1000), 250)
    read = lambda cursor: [each["chunk"] for each in cursor]
    assert read(collection.find({}, sort={"$vector": POINTS[7]}, limit=5)) == nearest(POINTS[7])
    some = [n for n in POINTS if n % 5 in (1, 2)]
    found = collection.find({"document": {"$in": [1, 2]}}, sort={"$vector": POINTS[7]}, limit=5,
                            projection={"chunk": 1})
    assert read(found) == nearest(POINTS[7], some)
    assert sorted(read(collection.find({}, projection={"chunk": 1}))) == list(POINTS)
    assert collection.count_documents({"chunk": {"$gt": 10, "$lte": 30}}, upper_bound=1000) == 20
    assert "exist" in refused(lambda: collection.insert_many(documents[:1])).lower()
    assert collection.delete_many({"document": {"$in": [1, 2]}}).deleted_count == 100
    eventually(lambda: collection.count_documents({}, upper_bound=1000), 150)
    assert "not indexed" in refused(lambda: list(collection.find({"other": 1})))
    zero = {"_id": "0", "$vector": [0.0] * 8}
    assert "zero" in refused(lambda: collection.insert_many([zero]))
    marks = database.create_collection(NAME + "_m", definition=CollectionDefinition.builder()
                                       .with_indexing("deny", ["*"]).build())
    for said in ("one", "two"):
        marks.find_one_and_replace({"_id": "1"}, {"_id": "1", "said": said}, upsert=True)
    assert marks.find_one({"_id": "1"})["said"] == "two"
    for name in (NAME, NAME + "_m"):
        database.drop_collection(name)
    assert "exist" in refused(lambda: collection.count_documents({}, upper_bound=10)).lower()
    stranger = DataAPIClient(api_options=options).get_database(address, token="wrong", keyspace="default_keyspace")
    assert "401" in refused(stranger.list_collection_names)


def chromacloud(address):
    import chromadb
    from urllib.parse import urlparse
    host = urlparse(address)
    open_as = lambda key: chromadb.CloudClient(
        tenant="tenant-of-the-stub", database="database-of-the-stub", api_key=key,
        cloud_host=host.hostname, cloud_port=host.port, enable_ssl=False)
    client = open_as("ck-the-key-of-the-stub")
    collection = client.get_or_create_collection(NAME, configuration={"hnsw": {"space": "cosine"}})
    numbers = list(POINTS)
    collection.upsert(ids=[str(n) for n in numbers], embeddings=[POINTS[n] for n in numbers],
                      metadatas=[{"document": n % 5} for n in numbers])
    assert collection.count() == 250
    found = collection.query(query_embeddings=[POINTS[7]], n_results=5, where={"document": {"$in": [1, 2]}},
                             include=[])
    some = [n for n in POINTS if n % 5 in (1, 2)]
    assert [int(each) for each in found["ids"][0]] == nearest(POINTS[7], some)
    assert len(collection.get(limit=300, include=[])["ids"]) == 250
    collection.delete(ids=[str(n) for n in some])
    assert collection.count() == 150
    many = [str(n) for n in range(301)]
    assert "quota" in refused(lambda: collection.upsert(ids=many, embeddings=[POINTS[1]] * 301)).lower()
    assert "quota" in refused(lambda: collection.query(query_embeddings=[POINTS[7]], n_results=301)).lower()
    client.delete_collection(NAME)
    refused(lambda: open_as("wrong").list_collections())


def qdrant(address):
    from qdrant_client import QdrantClient, models
    client = QdrantClient(url=address, api_key="the-key-of-the-stub", check_compatibility=False)
    client.create_collection(NAME, vectors_config=models.VectorParams(size=8, distance=models.Distance.COSINE))
    client.create_payload_index(NAME, "document", "integer")
    client.upsert(NAME, points=[models.PointStruct(id=n, vector=POINTS[n], payload={"document": n % 5})
                                for n in POINTS])
    assert client.count(NAME, exact=True).count == 250
    among = models.Filter(must=[models.FieldCondition(key="document", match=models.MatchAny(any=[1, 2]))])
    some = [n for n in POINTS if n % 5 in (1, 2)]
    found = client.query_points(NAME, query=POINTS[7], limit=5, query_filter=among).points
    assert [hit.id for hit in found] == nearest(POINTS[7], some)
    ids, offset = [], None
    while True:
        page, offset = client.scroll(NAME, limit=100, offset=offset, with_payload=False)
        ids += [point.id for point in page]
        if offset is None:
            break
    assert ids == list(POINTS)
    client.delete(NAME, points_selector=models.FilterSelector(filter=among))
    client.delete(NAME, points_selector=[5])
    assert client.count(NAME, exact=True).count == 149
    assert client.retrieve(NAME, ids=[10])[0].payload == {"document": 0}
    wrong = QdrantClient(url=address, api_key="wrong", check_compatibility=False)
    assert "401" in refused(lambda: wrong.count(NAME))


vendor, address = sys.argv[1:]
globals()[vendor](address)
print(f"{vendor}: the client and the stand-in understand each other")
