# Adds the source nhi behind the others of passwd and group.
/^(passwd|group):/ && !/[[:space:]]nhi([[:space:]]|$)/ { sub(/[[:space:]]*$/, " nhi") }
{ print }
