-- The user of the running system: rows of its tables, nothing else. Works on MySQL 8 and MariaDB 10.6+.
-- Run by users.sh after the migrations, because a grant on a table needs the table. It sets @app_password before.
-- A migration that adds a table adds a line here.
SET @statement = CONCAT('CREATE USER IF NOT EXISTS ''justlens_app''@''%'' IDENTIFIED BY ', QUOTE(@app_password));
PREPARE prepared FROM @statement;
EXECUTE prepared;
SET @statement = CONCAT('ALTER USER ''justlens_app''@''%'' IDENTIFIED BY ', QUOTE(@app_password));
PREPARE prepared FROM @statement;
EXECUTE prepared;
DEALLOCATE PREPARE prepared;
SET @statement = NULL, @app_password = NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON justlens.categories TO 'justlens_app'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON justlens.alttags TO 'justlens_app'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON justlens.idf_snapshots TO 'justlens_app'@'%';
-- Every start looks whether the tables are those of its release.
GRANT SELECT ON justlens.alembic_version TO 'justlens_app'@'%';
