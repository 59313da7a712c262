-- The user who owns the tables: for migrations, never for a process that stays. Works on MySQL 8 and MariaDB 10.6+.
-- Run by users.sh, which sets @owner_password before. Run it again to change the password.
CREATE DATABASE IF NOT EXISTS justlens CHARACTER SET utf8mb4;

SET @statement = CONCAT('CREATE USER IF NOT EXISTS ''justlens_owner''@''%'' IDENTIFIED BY ', QUOTE(@owner_password));
PREPARE prepared FROM @statement;
EXECUTE prepared;
SET @statement = CONCAT('ALTER USER ''justlens_owner''@''%'' IDENTIFIED BY ', QUOTE(@owner_password));
PREPARE prepared FROM @statement;
EXECUTE prepared;
DEALLOCATE PREPARE prepared;
SET @statement = NULL, @owner_password = NULL;

GRANT ALL ON justlens.* TO 'justlens_owner'@'%';
