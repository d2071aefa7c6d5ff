//! Groups of users, to be mentioned together.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{UserGroupId, UserId, UserRef};

/// Users of the app who are called by one name. Those of them who are in a channel are mentioned there with the group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user_group))]
pub struct UserGroup {
    /// The group's id.
    pub id: UserGroupId,
    /// What it is called, after an `@`.
    pub name: String,
    /// How many there are in it.
    pub member_count: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its name last changed.
    pub updated_at: DateTime<Utc>,
}

/// Makes a group.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::create_user_group))]
#[serde(deny_unknown_fields)]
pub struct CreateUserGroup {
    /// UUID that the caller made: the same again answers with the group as it is. Made by the server if left out.
    #[serde(default)]
    pub id: Option<UserGroupId>,
    /// 1 to 100 characters.
    pub name: String,
    /// Who is in it, at most 100 here.
    #[serde(default)]
    pub user_ids: Vec<UserId>,
}

/// Gives a group another name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::update_user_group))]
#[serde(deny_unknown_fields)]
pub struct UpdateUserGroup {
    /// 1 to 100 characters.
    pub name: String,
}

/// Adds users to a group; those who are in it stay.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::add_to_user_group))]
#[serde(deny_unknown_fields)]
pub struct AddToUserGroup {
    /// 1 to 100 users. A group has at most 1,000.
    pub user_ids: Vec<UserId>,
}

/// One who is in a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(example = crate::examples::user_group_member))]
pub struct UserGroupMember {
    /// Who.
    pub user: UserRef,
    /// Since when.
    pub added_at: DateTime<Utc>,
}
