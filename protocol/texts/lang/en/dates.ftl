# Dates, by how exactly they are known; `_of` stands after "about", "not later than", "not earlier than".

date_about = about { $date }
date_until = not later than { $date }
date_since = not earlier than { $date }
date_year_of = { $year }
date_quarter = Q{ $quarter } { $year }
date_quarter_of = Q{ $quarter } { $year }
date_month =
    { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }
date_month_of =
    { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }
date_season =
    { $season ->
        [1] spring
        [2] summer
        [3] autumn
       *[4] winter
    } { $year }
date_season_of =
    { $season ->
        [1] spring
        [2] summer
        [3] autumn
       *[4] winter
    } { $year }
