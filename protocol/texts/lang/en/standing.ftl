# How a node stands, and those it exchanges with.

alarm = { $sentence } — { $next } ({ $code })
alarm_dated = { $when }: { $alarm }
shared =
    { $shared ->
        [0] Nothing on this computer has been shared with anyone.
        [one] { $shared } of { $cases } case files has been shared with other organisations.
       *[other] { $shared } of { $cases } case files have been shared with other organisations.
    }
shared_unknown = What is shared shows when it is unlocked.
state_empty = empty: no keys here yet; run `habeas init --alone`
state_wiped = destroyed: the keys are gone and nobody opens this folder; restore a backup into another one
state_sealed = closed; run `habeas unlock`
state_alone = open, in no registry yet; run `habeas init --alone`, `habeas found` or `habeas join`
state_locked = locked: it keeps up with the others, and shows nothing; run `habeas unlock`
state_open = open
held = on hold, nothing is exchanged with: { $names }
by_name = { $names }: not dialled, the address is a name, and names are not looked up here: whoever answers the look-up learns whom you exchange with. They can connect to you; or allow it with `habeas serve --allow-names`
no_peers = no other organisation or device yet: nothing to keep up with
up_to_date =
    this copy is up to date with { $all ->
        [one] { $all } other
       *[other] { $all } others
    }
partly_up_to_date =
    this copy is known to be up to date with { $equal } of { $all ->
        [one] { $all } other
       *[other] { $all } others
    }
wanted =
    { $pieces ->
        [one] { $pieces } piece
       *[other] { $pieces } pieces
    } not yet received
case_count = { $cases } ({ $shared } shared)
another_device =
    On one more device of yours, after `habeas init --device`:
      { $command }
of_yours = { $who }, yours
never = never yet
connection_held = ! on hold
connection_stands = ✓ connected
connection_none = – not reached
copy_up_to_date = ✓ up to date
copy_unknown = – not known yet

row_organisation = organisation
row_device = this device
row_registry = registry
row_cases = case files
row_received = from others
row_dockets = dockets
row_organisation_id = organisation id
row_registry_id = registry id
row_node_id = node id
row_listening = listening at

column_organisation = organisation
column_device = device
column_connection = connection
column_copy = copy
column_last_the_same = last the same
column_node = node
column_circle = circle
column_readers = who may read
column_entries = entries
column_split = split
column_id = id
circle_own = own
circle_named = named
circle_commons = commons
