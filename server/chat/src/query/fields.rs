//! What can be asked of each resource: the one table of fields, from which filters are read, SQL is made, and
//! `docs/query.md` is written.

use Kind::{Bool, Custom, Id, Int, List, Members, Text, Time};

use crate::members::store::hidden;

macro_rules! hides_reads {
    () => {
        hidden!("m", "u.hides_reads", "read_receipts_disabled")
    };
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, ordered by its bytes.
    Text,
    /// A UUID.
    Id,
    Int,
    Bool,
    /// RFC 3339.
    Time,
    /// Several texts.
    List,
    /// The members of a channel, by their user ids.
    Members,
    /// Any JSON: a field of the customer's own.
    Custom,
}

/// A field.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// The expression, of the aliases that the resource's statements have.
    pub sql: &'static str,
    /// Whether it may have no value.
    pub nullable: bool,
    pub sort: bool,
    /// Whether `$autocomplete` finds words that begin with what was typed.
    pub autocomplete: bool,
    /// Whether `$q` searches it.
    pub words: bool,
    /// Whether it is of the caller's own membership, which the server has none of.
    pub own: bool,
    /// What finds rows by this field alone. Other fields are looked at in what was found.
    pub index: Option<&'static str>,
}

impl Field {
    const fn new(name: &'static str, kind: Kind, sql: &'static str) -> Self {
        Self {
            name,
            kind,
            sql,
            nullable: false,
            sort: false,
            autocomplete: false,
            words: false,
            own: false,
            index: None,
        }
    }

    const fn sorted(mut self) -> Self {
        self.sort = true;
        self
    }

    const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    const fn autocomplete(mut self) -> Self {
        self.autocomplete = true;
        self
    }

    const fn words(mut self) -> Self {
        self.words = true;
        self
    }

    const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    const fn by(mut self, index: &'static str) -> Self {
        self.index = Some(index);
        self
    }
}

/// What is listed.
#[derive(Debug)]
pub struct Resource {
    pub name: &'static str,
    /// Fields, but for `custom`.
    pub fields: &'static [Field],
    /// The customer's own fields, addressed as `custom.key` or `custom.key.inner`.
    pub custom: Field,
    /// The field whose values differ: it ends every order.
    pub unique: &'static str,
}

impl Resource {
    /// The field of this name, but for custom ones.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Channels `c`, and for users their membership `m`.
pub static CHANNELS: Resource = Resource {
    name: "channels",
    fields: &[
        Field::new("id", Id, "c.id").sorted().by("`channels` by id"),
        Field::new("cid", Text, "c.cid").by("`channels_by_cid`"),
        Field::new("members", Members, "c.id").by("`channel_members_by_user`"),
        Field::new("type", Text, "(c.type COLLATE \"C\")"),
        Field::new("name", Text, "(c.name COLLATE \"C\")").nullable().sorted().autocomplete(),
        Field::new("tags", List, "c.tags"),
        Field::new("created_by", Text, "c.created_by").nullable(),
        Field::new("frozen", Bool, "coalesce((c.config ->> 'frozen')::boolean, false)"),
        Field::new("member_count", Int, "c.member_count::bigint").sorted(),
        Field::new("created_at", Time, "c.created_at").sorted(),
        Field::new("updated_at", Time, "c.updated_at").sorted(),
        Field::new("last_message_at", Time, "c.last_message_at").nullable().sorted(),
        Field::new("active_at", Time, "coalesce(c.last_message_at, c.created_at)").sorted(),
        Field::new("role", Text, "(m.role COLLATE \"C\")").own(),
        Field::new("joined_at", Time, "m.joined_at").sorted().own(),
        Field::new("pinned", Bool, "(m.pinned_at IS NOT NULL)").sorted().own(),
        Field::new("archived", Bool, "(m.archived_at IS NOT NULL)").own(),
        Field::new("hidden", Bool, "coalesce(c.ordinal <= m.hidden_ordinal, false)").own(),
    ],
    custom: Field::new("custom.*", Custom, "c.custom"),
    unique: "id",
};

/// Users `u`.
pub static USERS: Resource = Resource {
    name: "users",
    fields: &[
        Field::new("id", Text, "u.id").sorted().by("`users` by id"),
        Field::new("name", Text, "(u.name COLLATE \"C\")")
            .nullable()
            .sorted()
            .autocomplete()
            .words()
            .by("`users_by_trigrams`, with `$autocomplete` or `$q`"),
        Field::new("guest", Bool, "u.guest"),
        Field::new("deactivated", Bool, "(u.deactivated_at IS NOT NULL)"),
        Field::new("created_at", Time, "u.created_at").sorted(),
        Field::new("updated_at", Time, "u.updated_at").sorted(),
        // As others see it: of who is invisible nothing after they were last seen.
        Field::new(
            "last_active_at",
            Time,
            "(CASE WHEN u.status <> 'invisible' OR u.last_active_at < u.last_seen_at THEN u.last_active_at \
             WHEN u.last_active_at IS NOT NULL THEN u.last_seen_at END)",
        )
        .nullable()
        .sorted(),
    ],
    custom: Field::new("custom.*", Custom, "u.custom"),
    unique: "id",
};

/// Members `m` and their users `u`.
pub static MEMBERS: Resource = Resource {
    name: "members",
    fields: &[
        Field::new("user_id", Text, "m.user_id").sorted().by("`channel_members` by user id"),
        Field::new("name", Text, "(u.name COLLATE \"C\")").nullable().sorted().autocomplete(),
        Field::new("role", Text, "(m.role COLLATE \"C\")"),
        Field::new("joined_at", Time, "m.joined_at").sorted(),
        // As others see it: who hides it is found by it as one who has read nothing.
        Field::new("read_at", Time, concat!("(CASE WHEN NOT ", hides_reads!(), " THEN m.read_at END)"))
            .nullable()
            .sorted(),
        Field::new("read_seq", Int, concat!("(CASE WHEN ", hides_reads!(), " THEN 0 ELSE m.read_seq END)"))
            .sorted(),
    ],
    custom: Field::new("custom.*", Custom, "u.custom"),
    unique: "user_id",
};

/// Messages `m` of one channel.
pub static MESSAGES: Resource = Resource {
    name: "messages",
    fields: &[
        Field::new("channel_id", Id, "m.channel_id").by("`messages_timeline`; always needed"),
        Field::new("id", Id, "m.id").by("`messages` by id"),
        Field::new("parent_id", Id, "m.parent_id").nullable().by("`messages_by_thread`"),
        Field::new("text", Text, "m.text").words().by("`message_search_words`, with `$q`"),
        Field::new("seq", Int, "m.seq").sorted().by("`messages_timeline`, `messages_by_thread`"),
        Field::new("user_id", Text, "m.user_id"),
        Field::new("reply_to_id", Id, "m.reply_to_id").nullable(),
        Field::new("mentions", List, "coalesce(m.mentions, '{}')"),
        Field::new(
            "attachment_types",
            List,
            "ARRAY(SELECT a ->> 'type' FROM jsonb_array_elements(coalesce(m.attachments, '[]')) a)",
        ),
        Field::new("reply_count", Int, "coalesce(m.reply_count, 0)::bigint").sorted(),
        Field::new("pinned", Bool, "(m.pinned IS NOT NULL)"),
        Field::new("poll", Bool, "(m.poll IS NOT NULL)"),
        Field::new("deleted", Bool, "(m.deleted_at IS NOT NULL)"),
        Field::new("created_at", Time, "m.created_at").sorted(),
        Field::new("edited_at", Time, "m.edited_at").nullable().sorted(),
    ],
    custom: Field::new("custom.*", Custom, "m.custom"),
    unique: "seq",
};

/// All of them.
#[cfg(test)]
pub static ALL: [&Resource; 4] = [&CHANNELS, &USERS, &MEMBERS, &MESSAGES];
