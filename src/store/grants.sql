-- What the migrations give the serving role, given again where it is missing.
do $$
declare
    app constant text := 'throughline_app';
    missing record;
begin
    if not exists (select 1 from pg_roles where rolname = app) then
        begin
            create role throughline_app nologin;
        exception
            when duplicate_object or unique_violation then null;
            when insufficient_privilege then
                raise exception 'the role throughline_app is missing and % may not create it', current_user
                    using hint = 'let an administrator run: create role throughline_app nologin; grant throughline_app to the user of this connection';
        end;
    end if;
    if not pg_has_role(current_user, app, 'member') then
        execute format('grant throughline_app to %I', current_user);
    end if;
    if not has_schema_privilege(app, current_schema(), 'usage') then
        execute format('grant usage on schema %I to throughline_app', current_schema());
    end if;
    for missing in
        select name, privilege
        from (values
            ('events', 'select'), ('events', 'insert'), ('commands', 'select'), ('commands', 'insert'),
            ('log_head', 'select'), ('log_head', 'update'), ('live_view', 'select'), ('live_view', 'update'),
            ('secrets', 'select'),
            ('api_key_use', 'select'), ('api_key_use', 'insert'), ('api_key_use', 'update'),
            ('subscriptions', 'select'), ('subscriptions', 'insert'), ('subscriptions', 'update'),
            ('subscriptions', 'delete'),
            ('subscription_keys', 'select'), ('subscription_keys', 'insert'), ('subscription_keys', 'update'),
            ('subscription_keys', 'delete'),
            ('deliveries', 'select'), ('deliveries', 'insert'), ('deliveries', 'update'),
            ('deliveries', 'delete'),
            ('evidence_files', 'select'), ('evidence_files', 'insert'), ('evidence_files', 'update'),
            ('evidence_files', 'delete'), ('evidence_objects', 'select'), ('evidence_objects', 'insert'),
            ('evidence_objects', 'update'), ('evidence_objects', 'delete'),
            ('import_jobs', 'select'), ('import_jobs', 'insert'), ('import_jobs', 'update'),
            ('import_quarantine', 'select'), ('import_quarantine', 'insert'),
            ('import_quarantine', 'delete')) as needed (name, privilege)
        where not has_table_privilege(app, format('%I.%I', current_schema(), name), privilege)
    loop
        -- Of several nodes that start at once one gives it, and the others find it given.
        perform pg_advisory_xact_lock(hashtextextended(current_schema(), 3));
        execute format('grant %s on %I.%I to throughline_app', missing.privilege, current_schema(), missing.name);
    end loop;
end;
$$;
