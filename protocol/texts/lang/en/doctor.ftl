# What the doctor finds.

not_looked_at = not looked at: no node runs
no_folder = there is no folder yet
not_ours = the folder belongs to another user
folder_closed = nobody else on this computer may look into the folder
folder_empty = the folder holds no keys yet
keys_readable = the keys' file and its copy can be read
one_key_file = one of the two files that hold the keys is missing or cannot be read; the other one still opens the folder
keys_unreadable = the files that hold the keys cannot be read; delete nothing, and restore a backup
nobody_runs = no node runs: nothing arrives, and nothing can be read
no_space_known = how much space is left is not known
no_backup = no backup of this folder was made yet
two_clocks = the clocks of the node and of this program differ: one was set while they ran
clock_fits = nothing here is dated later than this computer's clock
all_read = everything that arrived is read
read_later = what arrives is read once the node is unlocked
no_alarms = nothing calls for a person
no_alarms_locked = none that shows while it is locked; case files are looked at when it is unlocked
alarm_since = since { $when }: { $sentence } ({ $code })
alarm_settled = settled: { $code } is shown no more, until it happens again
memory_closed = a crash writes no memory to the disk, and other programs may not read it
no_swap = memory is not written to an unencrypted disk
kept_in_memory = the node's memory is not written to the swap areas
check_folder = folder
check_vault = keys
check_node = node
check_disk = disk
check_backup = backup
check_clock = clock
check_peers = others
check_unread = unread
check_alarms = alarms
check_memory = memory
check_swap = swap
folder_open = others on this computer may look into the folder (mode { $mode })
open_files = others on this computer may open: { $names }
other_version = the node runs version { $node }, this program is { $ours }
runs = runs, version { $version }
free_mebibytes = { $size } MiB free
free_gibibytes = { $size } GiB free
last_backup = the last backup was made { $when }
old_backup = the last backup was made { $when }: what came since would be lost
future = something here is dated { $latest }, and this clock says { $now }: it is behind, or its author's was ahead
reached =
    { $all ->
        [one] { $all } other is
       *[other] { $all } others are
    } connected
away = not reached: { $names }. Being offline is normal; the copy is as old as `peers` says
unread =
    { $pieces ->
        [one] { $pieces } piece that arrived is
       *[other] { $pieces } pieces that arrived are
    } not read: the key for it has not come yet, or a newer version wrote it
core_dump = a crash may write memory to the disk; the system refused to forbid it
traceable = other programs of this user may read the node's memory
swappable_keys = keys may be written to a swap area: the system lets the node lock too little memory (ulimit -l)
swap = memory may be written to { $areas }, which is not known to be encrypted: encrypt it, or turn swap off
to_mend =
    { $findings ->
        [one] { $findings } thing is
       *[other] { $findings } things are
    } to mend
