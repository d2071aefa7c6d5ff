/** The part of Parlor's wire types that this app reads. Unknown fields are ignored. */

export type ChannelType = 'messaging' | 'livestream' | 'team' | 'commerce';
export type Role = 'guest' | 'member' | 'moderator' | 'admin' | 'owner';
export type Capability =
  | 'read_channel'
  | 'send_message'
  | 'update_own_message'
  | 'delete_own_message'
  | 'delete_any_message'
  | 'freeze_channel'
  | 'update_channel'
  | 'add_members'
  | 'remove_members'
  | 'update_roles'
  | 'delete_channel';

export interface UserRef {
  id: string;
  name: string | null;
  image: string | null;
}

export interface User extends UserRef {
  guest: boolean;
}

export interface ReadState {
  read_seq: number;
  read_ordinal: number;
  read_at: string | null;
  last_read_message_id: string | null;
}

export interface Member extends ReadState {
  user: UserRef;
  role: Role;
  joined_at: string;
  removed_at: string | null;
  updated_seq: number;
}

export interface Message {
  id: string;
  channel_id: string;
  user: UserRef;
  text: string;
  parent_id: string | null;
  reply_to_id: string | null;
  seq: number;
  updated_seq: number;
  ordinal: number;
  created_at: string;
  edited_at: string | null;
  deleted_at: string | null;
}

export interface Channel {
  id: string;
  cid: string;
  type: ChannelType;
  name: string | null;
  image: string | null;
  config: { frozen: boolean; open: boolean; typing_disabled: boolean };
  created_by: string | null;
  member_count: number;
  seq: number;
  ordinal: number;
  last_message_at: string | null;
  created_at: string;
  updated_at: string;
  membership: Member | null;
  unread: number;
  capabilities: Capability[];
  last_message: Message | null;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface MessagePage {
  items: Message[];
  before: string | null;
  after: string | null;
}

export interface ChannelChanges {
  channel: Channel;
  messages: Message[];
  members: Member[];
  seq: number;
  more: boolean;
}

export interface ReadResult {
  read: ReadState;
  unread: number;
}

export interface UserToken {
  token: string;
  expires_at: string;
  user: User;
}

export interface RealtimeConnection {
  url: string;
  http_stream_url: string;
  sse_url: string;
  emulation_url: string;
  token: string;
}

export interface CreateChannel {
  type: ChannelType;
  distinct?: boolean;
  name?: string;
  members: { user_id: string }[];
}

export interface ErrorBody {
  error: { code: string; message: string; retryable: boolean };
}
