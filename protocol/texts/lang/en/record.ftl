# Case files and dockets.

record_id = id
stage = stage
kind_case = case file
kind_docket = docket
no_cases = No case files yet. Bring some in with `habeas import FILE`, begin one with `habeas case new`, or look at invented ones with `habeas demo`.
no_dockets = No dockets yet. Bring some in with `habeas import FILE`, or begin one with `habeas docket new`.
file_value = a file
chosen = (chosen)
conflicts_shown =
    { $fields ->
        [one] { $fields } value is
       *[other] { $fields } values are
    } disputed. All that is said stands here; nothing was chosen.
reported = { $who }, as reported by { $other }
saved =
    { $pseudonym }  ({ $entries ->
        [one] { $entries } entry
       *[other] { $entries } entries
    } saved)
none_at_stage = None here is at the stage «{ $stage }».
part =
    { $shown } of { $all }, the newest first
behind =
    { $count ->
        [one] { $count } record that changed is
       *[other] { $count } records that changed are
    } still being read: this list may show them as they were.
next_part = the next ones
nothing_new = Nothing in the file is new: all of it was brought in before.
brought_in =
    Brought in { $records ->
        [one] { $records } record
       *[other] { $records } records
    } ({ $entries ->
        [one] { $entries } entry
       *[other] { $entries } entries
    } saved). Case files stay in your organisation.
would_bring_in =
    Would bring in { $records ->
        [one] { $records } record
       *[other] { $records } records
    }. Nothing was written; leave out --dry-run to do it.

shown_conflict = ! disputed
shown_resolved = settled
shown_union = all of them
shown_log = history
shown_per_organisation = each its own
shown_strictest = the strictest
shown_agreed = agreed
shown_nothing = nothing

column_what = what
column_value = value
column_field = field
column_shown_as = shown as
column_entry = entry
column_who = who says so
column_when = when
column_grade = grade
column_source = source
column_label = label
column_disagreement = disagreement
column_disputed = disputed
column_shared_with = shared with
column_changed = changed
column_last_stated = last stated
column_in_the_file = in the file
column_kind = kind
column_pseudonym = pseudonym
column_statements = statements
