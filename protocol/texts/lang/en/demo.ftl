# The demonstration.

interrupted = the demonstration was interrupted; its nodes were ended and its folder removed
not_apart = the cut did not hold: one node saw what the other wrote while they were apart
nothing_to_dispute = the file has no day or number that two sources could tell differently
faults = something is not as it must be
fault_differ = the copies are not equal
fault_one_sided = not every node shows both values side by side
fault_no_conflict = no disputed value is counted
fault_left_home = a case file that is held back left the organisation it came from
fault_foreign_cases = an organisation shows case files that were not shared with it
fault_lost = a case file is missing where it was brought in
fault_case_not_arrived = a shared case file has not arrived everywhere
fault_not_arrived = a docket has not arrived everywhere
wait_met = the first two nodes to meet
wait_shared = what is shared to be written
wait_arrived = what is shared to arrive everywhere
wait_cut = the connections to be severed
wait_equal = all copies to be equal again
waited = waited { $seconds } seconds for { $what }
no_port = no free port on this computer: { $why }
said_by_node = node { $number }: { $line }

opens =
    { $organisations ->
        [one] { $organisations } organisation
       *[other] { $organisations } organisations
    } on this computer, invented data, everything in { $folder }
explains =
    No server: each runs its own node. They found one registry of cases, share some, lose touch, disagree and meet again.
    Their names, two words each, are generated. Every line below was checked on the running nodes.
told_started =
    { $nodes ->
        [one] { $nodes } node runs, in a process with keys of its own
       *[other] { $nodes } nodes run, each in a process with keys of its own
    }
told_founded = founded a registry: { $names } (its words: { $words })
told_imported =
    { $by } brought in { $cases ->
        [one] { $cases } case file
       *[other] { $cases } case files
    } and { $dockets ->
        [one] { $dockets } docket
       *[other] { $dockets } dockets
    }
told_shared =
    shared { $cases ->
        [one] { $cases } case file
       *[other] { $cases } case files
    } with { $organisations ->
        [one] { $organisations } organisation
       *[other] { $organisations } organisations
    }, as far as consent goes; what stays, and why:
told_arrived_device =
    the other device has everything: the case files and { $dockets ->
        [one] { $dockets } docket
       *[other] { $dockets } dockets
    }
told_arrived =
    { $cases ->
        [one] { $cases } case file
       *[other] { $cases } case files
    } and { $dockets ->
        [one] { $dockets } docket
       *[other] { $dockets } dockets
    } arrived at { $organisations ->
        [one] { $organisations } other organisation
       *[other] { $organisations } other organisations
    }
told_cut = cut a node of { $apart } off from the others; the connections were severed
told_corrected = both sides correct «{ $field }» of { $label } and cannot hear each other: { $first }, { $second }
told_healed =
    joined again; { $nodes ->
        [one] { $nodes } node has
       *[other] { $nodes } nodes have
    } the same again
told_asked = a lawyer asks the copy of { $by } for dockets with the charge «{ $article }»: { $found } of { $dockets } answer
told_pausing = waiting for { $until }
checked =
    checked on { $nodes ->
        [one] { $nodes } node
       *[other] { $nodes } nodes
    }: equal copies, both values shown, { $cases ->
        [one] { $cases } case file
       *[other] { $cases } case files
    } stayed at home
disputed = What all of them now show of «{ $field }» in { $label }:
column_shown_on = shown on
of_nodes = { $shown } of { $all }

next_keep = the same, and look around in it
next_init = begin for real
next_help = everything else
kept_running = The nodes run on. In place of `status`: `docket list`, `case list`, `docket show WORDS`, `peers`, `lock`, `unlock`.
kept_end = When you have seen enough, this ends them and deletes all they left:
kept_logs = the nodes' folders and logs are in { $folder }
