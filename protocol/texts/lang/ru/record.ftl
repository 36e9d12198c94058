# Дела и публичные карточки.

record_id = id
stage = стадия
kind_case = дело
kind_docket = публичная карточка
no_cases = Дел пока нет. Загрузите их командой `habeas import ФАЙЛ`, заведите дело командой `habeas case new` или посмотрите вымышленные: `habeas demo`.
no_dockets = Публичных карточек пока нет. Загрузите их командой `habeas import ФАЙЛ` или заведите карточку командой `habeas docket new`.
file_value = файл
chosen = (выбрано)
conflicts_shown =
    { $fields ->
        [one] { $fields } спорное значение.
        [few] { $fields } спорных значения.
       *[many] { $fields } спорных значений.
    } Здесь показано всё, что сообщено; ничего не выбрано за вас.
reported = { $who }, со слов: { $other }
saved =
    { $pseudonym }  ({ $entries ->
        [one] сохранена { $entries } запись
        [few] сохранено { $entries } записи
       *[many] сохранено { $entries } записей
    })
none_at_stage = На стадии «{ $stage }» здесь нет ни одной записи.
part =
    { $shown } из { $all }, сначала новые
behind =
    { $count ->
        [one] Ещё читается { $count } изменённая запись: в списке она может быть прежней.
        [few] Ещё читаются { $count } изменённые записи: в списке они могут быть прежними.
       *[many] Ещё читаются { $count } изменённых записей: в списке они могут быть прежними.
    }
next_part = следующие
nothing_new = В файле нет ничего нового: всё уже загружено.
brought_in =
    Загружено: { $records ->
        [one] { $records } дело или карточка
        [few] { $records } дела и карточки
       *[many] { $records } дел и карточек
    } ({ $entries ->
        [one] сохранена { $entries } запись
        [few] сохранено { $entries } записи
       *[many] сохранено { $entries } записей
    }). Дела остаются в вашей организации.
would_bring_in =
    Будет загружено: { $records ->
        [one] { $records } дело или карточка
        [few] { $records } дела и карточки
       *[many] { $records } дел и карточек
    }. Пока ничего не записано; чтобы загрузить, уберите --dry-run.

shown_conflict = ! спорное
shown_resolved = урегулировано
shown_union = все вместе
shown_log = история
shown_per_organisation = у каждой своё
shown_strictest = самое строгое
shown_agreed = без разногласий
shown_nothing = ничего

column_what = что
column_value = значение
column_field = поле
column_shown_as = как показано
column_entry = запись
column_who = кто сообщает
column_when = когда
column_grade = оценка
column_source = источник
column_label = пометка
column_disagreement = разногласия
column_disputed = спорно
column_shared_with = передано
column_changed = изменено
column_last_stated = последнее сообщение
column_in_the_file = в файле
column_kind = вид
column_pseudonym = псевдоним
column_statements = утверждений
