# Справи та публічні картки.

record_id = id
stage = стадія
kind_case = справа
kind_docket = публічна картка
no_cases = Справ поки немає. Завантажте їх командою `habeas import ФАЙЛ`, почніть справу командою `habeas case new` або погляньте на вигадані: `habeas demo`.
no_dockets = Публічних карток поки немає. Завантажте їх командою `habeas import ФАЙЛ` або почніть картку командою `habeas docket new`.
file_value = файл
chosen = (обрано)
conflicts_shown =
    { $fields ->
        [one] { $fields } спірне значення.
        [few] { $fields } спірні значення.
       *[many] { $fields } спірних значень.
    } Тут показано все, що повідомлено; нічого не обрано за вас.
reported = { $who }, зі слів: { $other }
saved =
    { $pseudonym }  (збережено { $entries ->
        [one] { $entries } запис
        [few] { $entries } записи
       *[many] { $entries } записів
    })
none_at_stage = На стадії «{ $stage }» тут немає жодного запису.
part =
    { $shown } з { $all }, спочатку нові
behind =
    { $count ->
        [one] Ще читається { $count } змінений запис: у списку він може бути попереднім.
        [few] Ще читаються { $count } змінені записи: у списку вони можуть бути попередніми.
       *[many] Ще читаються { $count } змінених записів: у списку вони можуть бути попередніми.
    }
next_part = наступні
nothing_new = У файлі немає нічого нового: усе вже завантажено.
brought_in =
    Завантажено: { $records ->
        [one] { $records } справу або картку
        [few] { $records } справи й картки
       *[many] { $records } справ і карток
    } (збережено { $entries ->
        [one] { $entries } запис
        [few] { $entries } записи
       *[many] { $entries } записів
    }). Справи залишаються у вашій організації.
would_bring_in =
    Буде завантажено: { $records ->
        [one] { $records } справу або картку
        [few] { $records } справи й картки
       *[many] { $records } справ і карток
    }. Поки нічого не записано; щоб завантажити, приберіть --dry-run.

shown_conflict = ! спірне
shown_resolved = врегульовано
shown_union = усі разом
shown_log = історія
shown_per_organisation = у кожної своє
shown_strictest = найсуворіше
shown_agreed = без розбіжностей
shown_nothing = нічого

column_what = що
column_value = значення
column_field = поле
column_shown_as = як показано
column_entry = запис
column_who = хто повідомляє
column_when = коли
column_grade = оцінка
column_source = джерело
column_label = позначка
column_disagreement = розбіжності
column_disputed = спірне
column_shared_with = передано
column_changed = змінено
column_last_stated = останнє повідомлення
column_in_the_file = у файлі
column_kind = вид
column_pseudonym = псевдонім
column_statements = тверджень
