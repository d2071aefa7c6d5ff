//! The tables, as diesel knows them. Kept in step with `migrations/` by a test that reads the catalogue.

/// Words with their places, as a search reads them.
#[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
#[diesel(postgres_type(oid = 3614, array_oid = 3643))]
pub struct Tsvector;

diesel::table! {
    apps (id) {
        id -> Uuid,
        name -> Text,
        webhook_url -> Nullable<Text>,
        rate_limit_rps -> Int4,
        guests_enabled -> Bool,
        suspended_at -> Nullable<Timestamptz>,
        revoked_before -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        settings -> Jsonb,
    }
}

diesel::table! {
    api_keys (app_id, id) {
        app_id -> Uuid,
        id -> Text,
        secret_ciphertext -> Binary,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    users (app_id, id) {
        app_id -> Uuid,
        id -> Text,
        name -> Nullable<Text>,
        image -> Nullable<Text>,
        custom -> Jsonb,
        guest -> Bool,
        seq -> Int8,
        search_name -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deactivated_at -> Nullable<Timestamptz>,
        revoked_before -> Nullable<Timestamptz>,
        last_active_at -> Nullable<Timestamptz>,
        hides_reads -> Bool,
        hides_deliveries -> Bool,
        hides_typing -> Bool,
        settings_seq -> Int8,
        online -> Bool,
        status -> Text,
        resting -> Nullable<Text>,
        status_text -> Nullable<Text>,
        status_color -> Text,
        status_expires_at -> Nullable<Timestamptz>,
        status_before -> Nullable<Jsonb>,
        last_seen_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    user_sessions (app_id, user_id, session_id) {
        app_id -> Uuid,
        user_id -> Text,
        session_id -> Uuid,
        device -> Text,
        connected_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        settle_at -> Nullable<Timestamptz>,
        closed -> Bool,
    }
}

diesel::table! {
    status_ends (app_id, user_id) {
        app_id -> Uuid,
        user_id -> Text,
        ends_at -> Timestamptz,
    }
}

diesel::table! {
    watched_channels (app_id, channel_id) {
        app_id -> Uuid,
        channel_id -> Uuid,
        until -> Timestamptz,
    }
}

diesel::table! {
    channels (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        #[sql_name = "type"]
        kind -> Text,
        cid -> Text,
        distinct_key -> Nullable<Text>,
        name -> Nullable<Text>,
        image -> Nullable<Text>,
        custom -> Jsonb,
        config -> Jsonb,
        created_by -> Nullable<Text>,
        seq -> Int8,
        ordinal -> Int8,
        member_count -> Int4,
        last_message_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        tags -> Array<Text>,
        access_code -> Nullable<Text>,
        truncated_seq -> Int8,
        truncated_ordinal -> Int8,
        sweep_at -> Nullable<Timestamptz>,
        imported_seq -> Int8,
    }
}

diesel::table! {
    channel_members (app_id, channel_id, user_id) {
        app_id -> Uuid,
        channel_id -> Uuid,
        user_id -> Text,
        role -> Text,
        read_seq -> Int8,
        read_ordinal -> Int8,
        read_at -> Nullable<Timestamptz>,
        last_read_message_id -> Nullable<Uuid>,
        joined_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
        updated_seq -> Int8,
        user_seq -> Int8,
        pinned_at -> Nullable<Timestamptz>,
        archived_at -> Nullable<Timestamptz>,
        muted_at -> Nullable<Timestamptz>,
        muted_until -> Nullable<Timestamptz>,
        hidden_ordinal -> Nullable<Int8>,
        notifications -> Text,
        history_from_seq -> Int8,
        history_ordinal -> Int8,
        delivered_seq -> Int8,
        delivered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    channel_tags (app_id, tag, channel_id) {
        app_id -> Uuid,
        tag -> Text,
        channel_id -> Uuid,
    }
}

diesel::table! {
    channel_invites (app_id, channel_id, user_id) {
        app_id -> Uuid,
        channel_id -> Uuid,
        user_id -> Text,
        invited_by -> Nullable<Text>,
        role -> Text,
        hide_history -> Bool,
        state -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        user_seq -> Int8,
    }
}

diesel::table! {
    access_code_tries (app_id, user_id) {
        app_id -> Uuid,
        user_id -> Text,
        tried_at -> Array<Timestamptz>,
    }
}

diesel::table! {
    jobs (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        state -> Text,
        request -> Nullable<Jsonb>,
        total -> Int4,
        done -> Int4,
        failed -> Int4,
        errors -> Jsonb,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    messages (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        channel_id -> Uuid,
        user_id -> Text,
        seq -> Int8,
        updated_seq -> Int8,
        ordinal -> Int8,
        countable -> Bool,
        shadowed -> Bool,
        text -> Text,
        attachments -> Nullable<Jsonb>,
        mentions -> Nullable<Array<Text>>,
        custom -> Nullable<Jsonb>,
        parent_id -> Nullable<Uuid>,
        reply_to_id -> Nullable<Uuid>,
        fingerprint -> Int8,
        created_at -> Timestamptz,
        edited_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
        erased -> Bool,
        reactions -> Nullable<Jsonb>,
        pinned -> Nullable<Jsonb>,
        poll -> Nullable<Jsonb>,
        in_timeline -> Bool,
        thread_ordinal -> Nullable<Int8>,
        reply_count -> Nullable<Int4>,
        participant_count -> Nullable<Int4>,
        participants -> Nullable<Array<Text>>,
        last_reply_at -> Nullable<Timestamptz>,
        quoted -> Nullable<Jsonb>,
        forwarded_from -> Nullable<Jsonb>,
        content_type -> Nullable<Text>,
        content -> Nullable<Jsonb>,
        group_mentions -> Nullable<Jsonb>,
        silent -> Bool,
        visible_to -> Nullable<Array<Text>>,
        live_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    user_groups (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        name -> Text,
        member_count -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    user_group_members (app_id, group_id, user_id) {
        app_id -> Uuid,
        group_id -> Uuid,
        user_id -> Text,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    pending_messages (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        channel_id -> Uuid,
        user_id -> Text,
        content -> Jsonb,
        forwarded_from -> Nullable<Jsonb>,
        fingerprint -> Int8,
        approved -> Bool,
        user_seq -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    message_edits (app_id, message_id, seq) {
        app_id -> Uuid,
        message_id -> Uuid,
        seq -> Int8,
        text -> Text,
        content_type -> Nullable<Text>,
        content -> Nullable<Jsonb>,
        attachments -> Nullable<Jsonb>,
        custom -> Nullable<Jsonb>,
        edited_by -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    deleted_messages (app_id, message_id) {
        app_id -> Uuid,
        message_id -> Uuid,
        content -> Jsonb,
        deleted_by -> Nullable<Text>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    poll_votes (app_id, message_id, user_id, option) {
        app_id -> Uuid,
        message_id -> Uuid,
        user_id -> Text,
        option -> Text,
        seq -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    reactions (app_id, message_id, user_id, kind) {
        app_id -> Uuid,
        message_id -> Uuid,
        user_id -> Text,
        kind -> Text,
        score -> Int4,
        seq -> Int8,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    pins (app_id, message_id) {
        app_id -> Uuid,
        message_id -> Uuid,
        channel_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::Tsvector;

    message_search (app_id, message_id) {
        app_id -> Uuid,
        message_id -> Uuid,
        channel_id -> Uuid,
        created_at -> Timestamptz,
        seq -> Int8,
        updated_seq -> Int8,
        words -> Nullable<Tsvector>,
    }
}

diesel::table! {
    user_messages (app_id, user_id, message_id) {
        app_id -> Uuid,
        user_id -> Text,
        message_id -> Uuid,
        channel_id -> Uuid,
        seq -> Int8,
        flags -> Int2,
    }
}

diesel::table! {
    stars (app_id, user_id, message_id) {
        app_id -> Uuid,
        user_id -> Text,
        message_id -> Uuid,
        channel_id -> Uuid,
        starred -> Bool,
        user_seq -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    drafts (app_id, user_id, channel_id, place) {
        app_id -> Uuid,
        user_id -> Text,
        channel_id -> Uuid,
        place -> Uuid,
        content -> Nullable<Jsonb>,
        user_seq -> Int8,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    thread_members (app_id, root_id, user_id) {
        app_id -> Uuid,
        root_id -> Uuid,
        user_id -> Text,
        following -> Nullable<Bool>,
        followed_at -> Nullable<Timestamptz>,
        read_seq -> Int8,
        read_ordinal -> Int8,
        read_at -> Nullable<Timestamptz>,
        replies -> Int4,
        first_reply_seq -> Nullable<Int8>,
        user_seq -> Int8,
    }
}

diesel::table! {
    scheduled_messages (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        channel_id -> Uuid,
        user_id -> Text,
        by_server -> Bool,
        send_at -> Timestamptz,
        state -> Text,
        error -> Nullable<Text>,
        content -> Nullable<Jsonb>,
        fingerprint -> Int8,
        user_seq -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    reminders (app_id, user_id, message_id) {
        app_id -> Uuid,
        user_id -> Text,
        message_id -> Uuid,
        channel_id -> Uuid,
        remind_at -> Nullable<Timestamptz>,
        note -> Nullable<Text>,
        state -> Text,
        user_seq -> Int8,
        created_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    due (app_id, kind, user_id, id) {
        app_id -> Uuid,
        kind -> Text,
        user_id -> Text,
        id -> Uuid,
        available_at -> Timestamptz,
        attempts -> Int2,
    }
}

diesel::table! {
    tasks (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        channel_id -> Uuid,
        message_id -> Uuid,
        title -> Text,
        status -> Text,
        assignee_id -> Nullable<Text>,
        due_at -> Nullable<Timestamptz>,
        created_by -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        updated_seq -> Int8,
    }
}

diesel::table! {
    imports (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        state -> Text,
        dry_run -> Bool,
        phase -> Int2,
        part -> Int4,
        byte_offset -> Int8,
        line -> Int8,
        counts -> Jsonb,
        failed -> Int8,
        errors -> Jsonb,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
        search_part -> Int4,
        search_offset -> Int8,
        search_line -> Int8,
    }
}

diesel::table! {
    import_parts (app_id, import_id, number) {
        app_id -> Uuid,
        import_id -> Uuid,
        number -> Int4,
        body -> Binary,
        lines -> Int4,
    }
}

diesel::table! {
    import_channels (app_id, import_id, channel_id) {
        app_id -> Uuid,
        import_id -> Uuid,
        channel_id -> Uuid,
        created -> Bool,
        ordinal -> Int8,
    }
}

diesel::table! {
    exports (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        user_id -> Text,
        state -> Text,
        parts -> Int4,
        lines -> Int8,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    export_parts (app_id, export_id, number) {
        app_id -> Uuid,
        export_id -> Uuid,
        number -> Int4,
        body -> Text,
    }
}

diesel::table! {
    user_deletions (app_id, id) {
        app_id -> Uuid,
        id -> Uuid,
        subject -> Binary,
        user_id -> Nullable<Text>,
        mode -> Text,
        requested_by -> Nullable<Text>,
        ghost_id -> Nullable<Text>,
        phase -> Int2,
        after -> Nullable<Uuid>,
        messages -> Int8,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    outbox (app_id, id) {
        app_id -> Uuid,
        id -> Int8,
        event_id -> Uuid,
        sink -> Text,
        lane -> Int2,
        topic -> Text,
        payload -> Text,
        created_at -> Timestamptz,
        available_at -> Timestamptz,
        attempts -> Int2,
        last_error -> Nullable<Text>,
        dead_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    inbox (app_id, consumer, event_id) {
        app_id -> Uuid,
        consumer -> Text,
        event_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (app_id, key) {
        app_id -> Uuid,
        key -> Binary,
        request -> Binary,
        status -> Nullable<Int2>,
        body -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    apps,
    api_keys,
    users,
    user_sessions,
    status_ends,
    watched_channels,
    channels,
    channel_members,
    channel_tags,
    channel_invites,
    access_code_tries,
    jobs,
    messages,
    message_edits,
    deleted_messages,
    message_search,
    user_groups,
    user_group_members,
    pending_messages,
    poll_votes,
    reactions,
    pins,
    user_messages,
    stars,
    drafts,
    scheduled_messages,
    reminders,
    due,
    thread_members,
    tasks,
    imports,
    import_parts,
    import_channels,
    exports,
    export_parts,
    user_deletions,
    outbox,
    inbox,
    idempotency_keys,
);
