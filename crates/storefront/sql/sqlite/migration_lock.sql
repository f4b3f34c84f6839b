-- The writing transaction is the lock.
SELECT NULL
