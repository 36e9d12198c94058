# Розбіжності та історія, власні назви організацій, прецеденти.

no_conflicts = Розбіжностей немає й не було.
open = ! спірне:
settled = ✓ врегульовано:
none_of_them = нічого з цього
gone_by = чинне, виходять із цього
column_fate = що з цим сталося
column_who_said = хто повідомив
next_resolve = врегулювати одне з них; решту значень буде видно й далі
nothing_said = там ніхто нічого не повідомляв
several_entries = так починаються кілька записів
whole_id = вкажіть більше знаків id запису
choose_one = вкажіть одне з цих значень або `none`
not_disputed = { $field } тут не спірне
several_places = { $field } тут спірне в кількох місцях
not_said = про { $field } ніхто такого не повідомляє
settled_by = { $by }, { $when }: вирішено на користь «{ $chosen }» ({ $reason })
settled_before = { $by }, { $when }: вирішено на користь «{ $chosen }» ({ $reason }) — більше не діє: повідомлено те, чого тоді не бачили
retracted = відкликано { $when }: { $reason }
fate_stands = чинне
fate_superseded = замінено автором
fate_retracted = відкликано
nothing_of = про поле { $field } не сказано нічого, що можна відкликати
several_claims = ваша організація повідомляє про поле { $field } кілька значень
which_claim = укажіть одне: запис і номер, як у переліку
taken_back = Відкликано: { $what }: { $value }.
still_stands = Як і раніше, вказано: { $said }.
nothing_stands = Тепер тут нічого не вказано.
nothing_stands_after = Тепер тут нічого не вказано; до цього було: { $value } ({ $when }).
next_again = указати це знову
entry_form = пишіть ЗАПИС/НОМЕР, наприклад entry1qpzry9x8g/0
index_form = після риски стоїть число, починаючи з 0

column_call_sign = позивний
column_called_here = як називаєте ви
no_names = Власних назв організацій поки немає. Дайте назву командою `habeas name ПОЗИВНИЙ НАЗВА`, звіривши слова голосом.
stays_here = назви лишаються на цьому комп’ютері: ні в чому, що надсилається чи передається, їх немає
no_member = не учасник

column_articles = статті
column_argument = довід
column_circumstances = обставини
column_response = відповідь суду
column_court = суд
found =
    { $found ->
        [one] відповідає { $found }
       *[many] відповідають { $found }
    } з { $asked ->
        [one] { $asked } публічної картки
       *[many] { $asked } публічних карток
    }
found_so_far =
    поки що { $found ->
        [one] знайдено { $found } картку
        [few] знайдено { $found } картки
       *[many] знайдено { $found } карток
    }; усього тут { $asked }
none_answers =
    З { $asked ->
        [one] { $asked } публічної картки
       *[many] { $asked } публічних карток
    } усьому разом не відповідає жодна. Окремо знаходиться:
none_has =
    З { $asked ->
        [one] { $asked } публічної картки
       *[many] { $asked } публічних карток
    } умові `{ $typed }` не відповідає жодна.
found_alone =
    { $found ->
        [0] нічого: приберіть або змініть
        [one] { $found } картка
        [few] { $found } картки
       *[many] { $found } карток
    }
