# Conflicts and histories, names of one's own, precedents.

no_conflicts = Nothing is disputed, and nothing was.
open = ! disputed:
settled = ✓ settled:
none_of_them = none of them
gone_by = stands, gone by
column_fate = what became of it
column_who_said = who said so
next_resolve = settle one of them; the other values stay in sight
nothing_said = nothing was ever said there
several_entries = several entries begin so
whole_id = give more of the entry's id
choose_one = give one of these values, or `none`
not_disputed = { $field } of this record is not disputed
several_places = { $field } is disputed in several places of this record
not_said = nobody says that of { $field }
settled_by = { $by } settled it on { $when } for: { $chosen } ({ $reason })
settled_before = { $by } settled it on { $when } for: { $chosen } ({ $reason }) — no longer: something was said that this had not seen
retracted = taken back { $when }: { $reason }
fate_stands = stands
fate_superseded = replaced by its author
fate_retracted = taken back
nothing_of = nothing is said of { $field } that could be taken back
several_claims = your organisation says several things of { $field }
which_claim = name one by its entry and place, as listed
taken_back = Taken back: { $what }: { $value }.
still_stands = Still said: { $said }.
nothing_stands = Nothing stands there now.
nothing_stands_after = Nothing stands there now; before it was: { $value } ({ $when }).
next_again = say that again
entry_form = write it as ENTRY/INDEX, such as entry1qpzry9x8g/0
index_form = what follows the stroke is a number from 0

column_call_sign = call-sign
column_called_here = called here
no_names = No organisation has a name of yours yet. Give one with `habeas name CALL-SIGN NAME`, after comparing words by voice.
stays_here = names stay on this computer: nothing that is sent or shared has them
no_member = no member

column_articles = articles
column_argument = argument
column_circumstances = circumstances
column_response = response
column_court = court
found =
    { $found } of { $asked ->
        [one] { $asked } docket
       *[other] { $asked } dockets
    } here { $found ->
        [one] answers
       *[other] answer
    }
found_so_far =
    { $found } found so far; there are { $asked ->
        [one] { $asked } docket
       *[other] { $asked } dockets
    } here
none_answers =
    None of { $asked ->
        [one] { $asked } docket
       *[other] { $asked } dockets
    } here answers all of it. Each part alone finds:
none_has =
    None of { $asked ->
        [one] { $asked } docket
       *[other] { $asked } dockets
    } here has `{ $typed }`.
found_alone =
    { $found ->
        [0] nothing: leave it out, or change it
        [one] { $found } docket
       *[other] { $found } dockets
    }
