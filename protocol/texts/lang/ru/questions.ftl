# Разногласия и история, собственные имена организаций, прецеденты.

no_conflicts = Разногласий нет и не было.
open = ! спорное:
settled = ✓ урегулировано:
none_of_them = ничто из этого
gone_by = в силе, исходят из этого
column_fate = что с этим стало
column_who_said = кто сообщил
next_resolve = урегулировать одно из них; остальные значения останутся видны
nothing_said = там никто ничего не сообщал
several_entries = так начинаются несколько записей
whole_id = укажите больше знаков id записи
choose_one = укажите одно из этих значений или `none`
not_disputed = { $field } здесь не спорное
several_places = { $field } здесь спорное в нескольких местах
not_said = о { $field } никто такого не сообщает
settled_by = { $by }, { $when }: решено в пользу «{ $chosen }» ({ $reason })
settled_before = { $by }, { $when }: решено в пользу «{ $chosen }» ({ $reason }) — больше не действует: сообщено то, чего при этом не видели
retracted = отозвано { $when }: { $reason }
fate_stands = в силе
fate_superseded = заменено автором
fate_retracted = отозвано
nothing_of = о поле { $field } не сказано ничего, что можно отозвать
several_claims = ваша организация сообщает о поле { $field } несколько значений
which_claim = укажите одно: запись и номер, как в перечне
taken_back = Отозвано: { $what }: { $value }.
still_stands = По-прежнему указано: { $said }.
nothing_stands = Теперь здесь ничего не указано.
nothing_stands_after = Теперь здесь ничего не указано; до этого было: { $value } ({ $when }).
next_again = указать это снова
entry_form = пишите ЗАПИСЬ/НОМЕР, например entry1qpzry9x8g/0
index_form = после черты стоит число, начиная с 0

column_call_sign = позывной
column_called_here = как называете вы
no_names = Собственных имён организаций пока нет. Дайте имя командой `habeas name ПОЗЫВНОЙ ИМЯ`, сверив слова голосом.
stays_here = имена остаются на этом компьютере: ни в чём, что отправляется или передаётся, их нет
no_member = не участник

column_articles = статьи
column_argument = довод
column_circumstances = обстоятельства
column_response = ответ суда
column_court = суд
found =
    { $found ->
        [one] отвечает { $found }
       *[many] отвечают { $found }
    } из { $asked ->
        [one] { $asked } публичной карточки
       *[many] { $asked } публичных карточек
    }
found_so_far =
    пока { $found ->
        [one] найдена { $found } карточка
        [few] найдены { $found } карточки
       *[many] найдено { $found } карточек
    }; всего здесь { $asked }
none_answers =
    Из { $asked ->
        [one] { $asked } публичной карточки
       *[many] { $asked } публичных карточек
    } всему сразу не отвечает ни одна. По отдельности находится:
none_has =
    Из { $asked ->
        [one] { $asked } публичной карточки
       *[many] { $asked } публичных карточек
    } условию `{ $typed }` не отвечает ни одна.
found_alone =
    { $found ->
        [0] ничего: уберите или измените
        [one] { $found } карточка
        [few] { $found } карточки
       *[many] { $found } карточек
    }
