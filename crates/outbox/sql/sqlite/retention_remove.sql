DELETE FROM retention WHERE name = $1
