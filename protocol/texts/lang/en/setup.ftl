# Keys, founding, joining, running, saving.

making_keys = Making keys. This takes a second or two.
choose_two =
    Two passphrases, and not the same one twice:
      this device  opens what is on this computer; you type it
                   when the node starts
      root         signs for the whole organisation; you need it
                   rarely, so keep it on paper, elsewhere
    Twelve characters or five words each, at least. Best are words
    drawn by chance; a line from a book or a song is soon guessed.
    Nobody can bring a lost passphrase back.
choose_passphrase =
    A passphrase for this device: whoever knows it and has this
    computer can read everything here. Twelve characters or five
    words at least; best are words drawn by chance.
    Nobody can bring a lost passphrase back.
choose_again = { $why }; choose again
made_organisation =
    made organisation { $call_sign } (its call-sign: say it instead of your name)
      folder    { $folder }
      node key  { $node }
made_device =
    made a further device, not yet part of an organisation
      folder    { $folder }
      node key  { $node }

step_keys = keys made, for the organisation { $call_sign }
step_registry = registry founded, with nobody else in it
ready = ready: the node runs in the background, open
ready_before = ready, as before: the node runs in the background, open
say_call_sign = its call-sign: say it instead of your name
row_folder = folder
log_in_folder = the node's log is node.log in it
node_heading = The node:
node_ends = ends it
node_starts_again = starts it again, also after the computer was off
not_alone = this folder is in a registry with other organisations
serving_on = the node runs in the background; `{ $stop }` ends it

prompt_device = Passphrase of this device:{" "}
prompt_root = Root passphrase of the organisation:{" "}
new_prompt_device = New passphrase of this device:{" "}
new_prompt_root = New root passphrase, another one:{" "}
prompt_again = The same again:{" "}
unlike = the two passphrases differ
name_a_file_with = name a file that holds it with { $flag } FILE
nobody_to_ask_device = the passphrase of this device is needed, and there is nobody to ask
nobody_to_ask_root = the organisation's root passphrase is needed, and there is nobody to ask
not_typed = { $nobody } ({ $why })

other_folder = name another folder with --data
no_program = the node's program { $program } cannot be started: { $why }
node_ended = the node ended before it had answered ({ $status })
not_answering = the node was started and has not answered for { $seconds } seconds

next_card_first = make your card: for the other founders, or to go on alone; with others, add --address HOST:PORT
next_found = draft a registry from all founders' cards (yours alone is enough)
next_serve = run the node
next_serve_first = run the node in another terminal: while it runs, no command asks for this device's passphrase
next_verify = see that it opens; it asks for the passphrase
next_restore = bring it back, into a new folder, when you need it
next_status = see how things stand
next_device_id = here; `habeas status --verbose` on a device of your organisation prints this command with its ID
next_import = bring cases in from a file
next_case = begin a case file
next_backup = save everything in one sealed file
next_sign = each founder signs the draft, you too
next_complete = whoever drafted it makes the registry file from all signatures
next_join = each founder joins
next_device_add = on a device of your organisation
next_device_join = on the new device
next_show = read it

compare = Compare by voice before you go on:  { $words }
names_organisations = It names: { $organisations }
joined = joined the registry  { $words }
opened = open
locked = locked; the node keeps up with the others and shows nothing
stopped = the node ends
wiped = the keys of this folder are destroyed; nobody opens it any more
not_confirmed = this destroys the keys of the folder for good, and was not confirmed
confirm_wipe = repeat the command with --confirm destroy
running_already = a node runs for this folder already
no_keys = this folder holds no keys yet
stays_closed = the node runs, closed: `habeas unlock` opens it
wrong_again = that was not it; once more
ending = ending the node; once more Ctrl-C ends it at once
serving =
    the node runs for { $folder }: it exchanges with the others, and carries out what is typed in another terminal
      { $status }
    Ctrl-C ends it
only_a_call_sign = «{ $typed }» is a call-sign, and this device does not know yet whose: it needs the organisation's id
where_organisation = run `habeas status --verbose` on the other device: it prints this command with the id

backup_written = { $file } holds everything of this folder, { $bytes } bytes, sealed
backup_sound = { $file } is whole and opens: { $bytes } bytes, { $entries } entries
backup_restored = restored { $file } ({ $bytes } bytes); it opens with the passphrases it had
old_folder = If the folder that was saved still lies somewhere, never start it: two copies of one device would write side by side. If it happens nothing is lost and nothing forks, and this one tells you so (HB4005): stop the old copy and delete it.
destroyed = the keys of this folder were destroyed; nobody opens it any more
keys_missing = this folder has records, and the files that hold its keys are missing
nothing_yet = there is nothing of Habeas in { $folder } yet

archived =
    { $folder } holds { $records ->
        [one] { $records } record
       *[other] { $records } records
    }, { $bytes } bytes
archive_unread =
    { $unread ->
        [one] { $unread } entry
       *[other] { $unread } entries
    } could not be read on this device and not archived
archive_read = It is not encrypted. Read it: open { $page } in a browser
