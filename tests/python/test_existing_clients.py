"""Users, nodes, settings and credentials, as existing clients of the public testbed use them.

What is expected is what the contract says, of the real program.
"""

import datetime
import re
import time

import grpc
import pytest

from existing_client import (
    NODE, SERVICE, Orchestrator, denied, done, in_days, jwt, now, once, pb, refused, token_of, utc,
)

ROLES = ["ADMIN", "USER", "NODE", "USER_PRIV", "NODE_PRIV", "NODE_OWNER"]
NO_USER = "user with given id does not exist"
NO_NODE = "node with given id does not exist"


@pytest.fixture(scope="module")
def testbed(tmp_path_factory):
    with Orchestrator(tmp_path_factory.mktemp("testbed"), __name__) as running:
        yield running


@pytest.fixture(scope="module")
def stranger(testbed):
    return testbed.user("stranger")


def unauthenticated(client):
    with pytest.raises(grpc.RpcError) as raised:
        client.get_nodes(activeThres=600)
    assert raised.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert raised.value.details() == "Invalid token"


@pytest.mark.parametrize("role", ROLES)
def test_a_user_of_each_role_is_registered_once_and_logs_in_with_the_token_in_the_message(testbed, role):
    user = {"id": f"role-{role}", "name": "A name", "role": role, "team": "a team"}
    answer = testbed.admin.register_user(**user)
    token = token_of(answer, "user registered access_token=")
    refused(testbed.admin.register_user(**user), "user with given id already exists")
    # A second registration has not taken the first one's token away.
    seen = testbed.client(user["id"], token).get_user(userid=user["id"])
    assert seen == pb.message_get_user_response(exists=True, **user)


def test_a_user_is_changed_and_deleted(testbed):
    # At the portal everybody is known by a mail address.
    id = "changing+1@example.org"
    user = testbed.user(id)
    changed = {"id": id, "name": "Another name", "role": "USER_PRIV", "team": "another team"}
    done(testbed.admin.modify_user(**changed), "user updated")
    assert user.get_user(userid=id) == pb.message_get_user_response(exists=True, **changed)
    done(testbed.admin.delete_user(userid=id), "user deleted")
    assert testbed.admin.get_user(userid=id) == pb.message_get_user_response()
    refused(testbed.admin.modify_user(**changed), NO_USER)
    refused(testbed.admin.delete_user(userid=id), NO_USER)
    unauthenticated(user)


def test_who_may_see_a_user(testbed, stranger):
    user, node, other = testbed.user("seen"), testbed.node("seeing"), testbed.node("not-seeing")
    assert testbed.admin.get_user(userid="seen").exists
    assert stranger.get_user(userid="seen") == pb.message_get_user_response()
    assert not node.get_user(userid="seen").exists
    done(user.schedule_job(**once("seeing", in_days(30))), "job successfully scheduled")
    assert node.get_user(userid="seen").exists
    assert not other.get_user(userid="seen").exists


def test_a_node_is_registered_once_and_logs_in_with_the_token_in_the_message(testbed):
    node = testbed.node("once")
    refused(testbed.admin.register_node(node={**NODE, "nodeid": "once"}), "node with the given id exists")
    (seen,) = node.get_nodes(nodeid="once", activeThres=600).nodes
    assert {name: getattr(seen, name) for name in NODE} == NODE
    assert not seen.scavenger_mode_active


@pytest.mark.parametrize("coords", ["", "on the roof"])
def test_every_node_has_coordinates_that_clients_can_read(testbed, coords):
    # To refuse it is as good: what must not be is a node with others.
    id = f"somewhere-{len(coords)}"
    testbed.admin.register_node(node={**NODE, "nodeid": id, "coords": coords})
    for node in testbed.admin.get_nodes(nodeid=id, activeThres=600).nodes:
        assert re.fullmatch(r"-?\d+(\.\d+)?,-?\d+(\.\d+)?", node.coords), node


def test_node_owners_register_and_delete_nodes_of_their_own_only(testbed):
    owner = testbed.user("node-owner", "NODE_OWNER")
    testbed.node("owned", by=owner, owner="node-owner")
    testbed.node("not-owned")
    (seen,) = owner.get_nodes(owner="node-owner", activeThres=600).nodes
    assert (seen.nodeid, seen.public_ip) == ("owned", NODE["public_ip"])
    other = {**NODE, "nodeid": "of-another", "owner": "admin"}
    refused(owner.register_node(node=other), denied(owner, "NODE_OWNER"))
    refused(owner.update_node(nodeid="not-owned", name="mine"), denied(owner, "NODE_OWNER"))
    refused(owner.delete_node(nodeid="not-owned"), denied(owner, "NODE_OWNER"))
    done(owner.update_node(nodeid="owned", name="mine"), "updated node successfully")
    assert owner.report_heartbeat(nodeid="owned").received
    done(owner.delete_node(nodeid="owned", deleteJobs=True), "node deleted")


def ids(client, **filters):
    # The CLI always sends the threshold.
    return [node.nodeid for node in client.get_nodes(activeThres=600, **filters).nodes]


def test_nodes_are_found_by_each_of_their_properties(testbed, stranger):
    testbed.node("find-1", location="Lerwick", provider="oneweb", name="Find", owner="finder")
    testbed.node("find-2", location="Lerwick", provider="kuiper", name="Find", owner="finder")
    for client in (testbed.admin, stranger):
        assert {"find-1", "find-2"} <= set(ids(client))
        assert ids(client, nodeid="find-1") == ["find-1"]
        assert sorted(ids(client, location="Lerwick")) == ["find-1", "find-2"]
        assert sorted(ids(client, name="Find")) == ["find-1", "find-2"]
        assert sorted(ids(client, owner="finder")) == ["find-1", "find-2"]
        assert ids(client, provider="oneweb") == ["find-1"]
        assert ids(client, location="Lerwick", provider="kuiper") == ["find-2"]
        assert ids(client, location="Lerwick", provider="starlink") == []
        assert ids(client, nodeid="find-9") == []


def test_network_addresses_of_nodes_are_not_for_everybody(testbed, stranger):
    node = testbed.node("addressed")
    for client, address in ((testbed.admin, NODE["public_ip"]), (node, NODE["public_ip"]), (stranger, "")):
        (seen,) = client.get_nodes(nodeid="addressed", activeThres=600).nodes
        assert seen.public_ip == address, client.userid


def test_a_heartbeat_makes_a_node_active(testbed, stranger):
    node, other = testbed.node("beating"), testbed.node("beating-not")
    assert ids(stranger, nodeid="beating", active=True) == []
    assert ids(stranger, nodeid="beating", active=False) == ["beating"]
    assert node.report_heartbeat(nodeid="beating").received
    assert node.report_heartbeat(nodeid="beating", timezone="Europe/Berlin").received
    assert ids(stranger, nodeid="beating", active=True) == ["beating"]
    # Ten minutes are also what is meant when a client sends no threshold.
    (seen,) = stranger.get_nodes(nodeid="beating", active=True).nodes
    assert abs(now() - utc(seen.last_active)) < datetime.timedelta(minutes=10)
    for client in (other, stranger):
        assert client.report_heartbeat(nodeid="beating") == pb.message_heartbeat_response()
    assert testbed.admin.report_heartbeat(nodeid="beating").received
    assert not testbed.admin.report_heartbeat(nodeid="unknown").received


def test_a_node_is_updated_and_an_unknown_one_is_not(testbed, stranger):
    node, other = testbed.node("updated"), testbed.node("updating-others")
    changed = {
        "name": "Another",
        "description": "in the garden",
        "coords": "-33.9,18.4",
        "location": "Cape Town",
        "provider": "oneweb",
        "public_ip": "198.51.100.3",
        "scheduling_enabled": False,
    }
    done(testbed.admin.update_node(nodeid="updated", **changed), "updated node successfully")
    done(node.update_node(nodeid="updated", description="on the hill"), "updated node successfully")
    (seen,) = testbed.admin.get_nodes(nodeid="updated", activeThres=600).nodes
    expected = {**changed, "description": "on the hill"}
    assert {name: getattr(seen, name) for name in expected} == expected
    refused(testbed.admin.update_node(nodeid="unknown", name="x"), NO_NODE)
    refused(other.update_node(nodeid="updated", name="x"), denied(other, "NODE"))
    refused(stranger.update_node(nodeid="updated", name="x"), denied(stranger, "USER"))


def test_what_newer_nodes_say_of_their_link_is_kept(testbed):
    testbed.node("limited")
    told = {"bandwidth_limits_json": '[{"down": 100}]', "availability_history_json": '[{"up": true}]'}
    done(testbed.admin.update_node(nodeid="limited", **told), "updated node successfully")
    (seen,) = testbed.admin.get_nodes(nodeid="limited", activeThres=600).nodes
    assert {name: getattr(seen, name) for name in told} == told


def test_a_node_is_deleted_with_its_jobs(testbed):
    node, user = testbed.node("leaving"), testbed.user("left")
    done(user.schedule_job(**once("leaving", in_days(30), id="leaving-job")), "job successfully scheduled")
    done(testbed.admin.delete_node(nodeid="leaving", deleteJobs=True), "node deleted")
    refused(testbed.admin.delete_node(nodeid="leaving"), NO_NODE)
    assert ids(testbed.admin, nodeid="leaving") == []
    assert not user.get_job_by_id(jobid="leaving-job").exists
    unauthenticated(node)


def test_scavenger_mode_is_told_only_while_it_is_on(testbed, stranger):
    node, other = testbed.node("scavenging"), testbed.node("scavenging-others")
    off = pb.message_get_scavenger_status_response()
    on = pb.message_get_scavenger_status_response(found=True, scavenger_mode_active=True)
    turn_on = {"nodeid": "scavenging", "scavenger_mode_active": True}
    assert stranger.get_scavenger_status(nodeid="scavenging") == off
    for client in (testbed.admin, node):
        assert client.set_scavenger_status(**turn_on).state == pb.SUCCESS
        for reader in (node, stranger):
            assert reader.get_scavenger_status(nodeid="scavenging") == on
            assert reader.get_scavenger_status(nodeid="scavenging-others") == off
        (seen,) = stranger.get_nodes(nodeid="scavenging", activeThres=600).nodes
        assert seen.scavenger_mode_active
        turn_off = {**turn_on, "scavenger_mode_active": False}
        assert client.set_scavenger_status(**turn_off).state == pb.SUCCESS
        assert node.get_scavenger_status(nodeid="scavenging") == off
    refused(other.set_scavenger_status(**turn_on), denied(other, "NODE"))
    refused(stranger.set_scavenger_status(**turn_on), denied(stranger, "USER"))
    assert node.get_scavenger_status(nodeid="scavenging") == off
    refused(testbed.admin.set_scavenger_status(nodeid="unknown", scavenger_mode_active=True))
    assert testbed.admin.get_scavenger_status(nodeid="unknown") == off


def test_kernel_access_is_for_privileged_users_and_only_nodes_ask(testbed, stranger):
    node = testbed.node("kernel-node")
    for role in ROLES:
        testbed.user(f"kernel-{role}", role)
    asking = testbed.user("kernel-node-priv", "NODE_PRIV")
    for client in (testbed.admin, node, asking):
        for role in ROLES:
            state = pb.SUCCESS if role in ("ADMIN", "USER_PRIV", "NODE_PRIV") else pb.FAILED
            assert client.kernel_access(userid=f"kernel-{role}").state == state, role
        refused(client.kernel_access(userid="unknown"))
    refused(stranger.kernel_access(userid="kernel-USER_PRIV"), denied(stranger, "USER"))


def config(**blob_and_key):
    key = blob_and_key.pop("apikey", "")
    return pb.settings(datastore={"blob": blob_and_key}, weather={"apikey": key})


def test_settings_are_whole_for_nodes_and_without_secrets_for_users(testbed, stranger):
    node, special = testbed.node("configured"), testbed.user("configured-priv", "NODE_PRIV")
    # Existing nodes do not start with an empty one, and nobody has set them yet.
    for client in (node, special):
        unset = client.get_global_config().config
        blob = unset.datastore.blob
        assert unset.weather.apikey and blob.connectionString and blob.container and blob.artifactPath
    names = {"container": "results", "artifactPath": "path"}
    whole = config(connectionString="AccountName=account;AccountKey=czNjcmV0", apikey="k3y", **names)
    done(testbed.admin.update_global_config(config=whole), "config updated")
    for client in (testbed.admin, node, special):
        assert client.get_global_config().config == whole
    seen = stranger.get_global_config().config
    assert (seen.datastore.blob.connectionString, seen.weather.apikey) == ("", "")
    refused(stranger.update_global_config(config=config(**names)), denied(stranger, "USER"))
    refused(node.update_global_config(config=config(**names)), denied(node, "NODE"))
    assert node.get_global_config().config == whole
    done(testbed.admin.update_global_config(config=config(apikey="another")), "config updated")
    blob = node.get_global_config().config.datastore.blob
    assert blob.connectionString and blob.container and blob.artifactPath


def test_only_an_administrator_changes_users_and_nodes(testbed):
    testbed.node("kept")
    for role in ROLES[1:]:
        client = testbed.user(f"powerless-{role}", role)
        text = denied(client, role)
        refused(client.register_user(id="new", name="n", role="ADMIN", team="t"), text)
        # Nobody raises himself either.
        refused(client.modify_user(id=client.userid, name="n", role="ADMIN", team="t"), text)
        refused(client.delete_user(userid="admin"), text)
        refused(client.register_node(node={**NODE, "nodeid": "new", "owner": "admin"}), text)
        refused(client.delete_node(nodeid="kept", deleteJobs=True), text)
        assert testbed.admin.get_user(userid=client.userid).role == pb.user_roles.Value(role)
    assert testbed.admin.get_user(userid="admin").exists
    assert ids(testbed.admin, nodeid="kept") == ["kept"]


def test_bad_and_missing_credentials_are_refused_as_unauthenticated(testbed):
    user = testbed.user("known")
    assert user.get_user(userid="known").exists
    for client in (
        testbed.client("known", "wrong"),
        testbed.client("unknown", testbed.admin_token),
        testbed.client("known", testbed.admin_token),
        testbed.client("known", ""),
        testbed.client("", testbed.admin_token),
        testbed.client("admin", ""),
        testbed.client(),
        testbed.client("admin", "", only=("x-leotest-userid",)),
        testbed.client(only=()),
    ):
        unauthenticated(client)


@pytest.mark.parametrize("name", [method.name for method in SERVICE.methods])
def test_no_call_is_for_strangers(testbed, name):
    with pytest.raises(grpc.RpcError) as raised:
        getattr(testbed.client("admin", "wrong"), name)()
    assert raised.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert raised.value.details() == "Invalid token"


def expiry(seconds):
    return int(time.time()) + seconds


def test_the_identity_of_the_portals_caller_is_the_one_in_its_token(testbed):
    testbed.user("at-the-portal")
    token = jwt(testbed.jwt_secret, userid="at-the-portal", exp=expiry(600))
    portal = testbed.client("admin", "", token)
    alone = testbed.client(jwt=token, only=("x-leotest-jwt-access-token",))
    empty = testbed.client("", "", token)
    for client in (portal, alone, empty):
        assert client.get_user(userid="at-the-portal").exists
        assert not client.get_user(userid="admin").exists
        text = "permission denied: userid=at-the-portal and role=USER"
        refused(client.register_user(id="new", name="n", role="USER", team="t"), text)
    administrator = testbed.client("admin", "", jwt(testbed.jwt_secret, userid="admin", exp=expiry(600)))
    assert administrator.get_user(userid="admin").exists


def test_forged_and_expired_tokens_of_the_portal_are_refused(testbed):
    testbed.user("forged")
    secret, claims = testbed.jwt_secret, {"userid": "forged", "exp": expiry(600)}
    good = jwt(secret, **claims)
    assert testbed.client("admin", "", good).get_user(userid="forged").exists
    admins = jwt(secret, userid="admin", exp=expiry(600))
    for bad in (
        jwt(secret, **{**claims, "exp": expiry(-600)}),
        jwt("another secret of some length, for a forger", **claims),
        jwt("", **claims),
        jwt(secret, "none", **claims),
        jwt(secret, "none", **claims).rstrip(".") + "." + good.split(".")[2],
        ".".join([good.split(".")[0], admins.split(".")[1], good.split(".")[2]]),
        jwt(secret, exp=expiry(600)),
        jwt(secret, userid="", exp=expiry(600)),
        jwt(secret, userid="unknown", exp=expiry(600)),
        good[:-2],
        "not a token",
    ):
        unauthenticated(testbed.client("admin", "", bad))
        unauthenticated(testbed.client(jwt=bad, only=("x-leotest-jwt-access-token",)))


@pytest.mark.parametrize(
    "name",
    [
        "submit_access_request",
        "update_access_request_email_status",
        "get_registration_invite",
        "activate_signup_user",
    ],
)
def test_the_portals_own_calls_are_not_there(testbed, name):
    with pytest.raises(grpc.RpcError) as raised:
        testbed.admin.raw(name)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
