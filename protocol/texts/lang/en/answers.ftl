# Yes and no.

yes = yes
no = no
