//! The threads as a person would describe them.

use super::{PEOPLE, ROOTS};

#[derive(Clone, Debug)]
pub struct Reply {
    pub id: String,
    pub root: usize,
    pub by: usize,
    pub shown: bool,
    /// Counts for nobody as unread.
    pub silent: bool,
    pub deleted: bool,
    pub erased: bool,
}

/// What a thread is to a person.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader {
    /// `None`: they never took part and never said anything about it.
    pub following: Option<bool>,
    /// Replies that they have read; `None` while the thread knows nothing of them.
    pub read: Option<usize>,
}

#[derive(Debug)]
pub struct Model {
    /// In the order in which they came.
    pub replies: Vec<Reply>,
    pub readers: [[Reader; PEOPLE]; ROOTS],
    /// Messages of the channel's timeline that each person has read: the roots are sent before anything happens.
    pub timeline_read: [usize; PEOPLE],
}

impl Model {
    /// Two roots, by the first two people.
    pub fn new() -> Self {
        Self { replies: Vec::new(), readers: Default::default(), timeline_read: [1, 2, 0] }
    }

    fn of(&self, root: usize) -> impl Iterator<Item = &Reply> {
        self.replies.iter().filter(move |reply| reply.root == root)
    }

    fn heard(&self, root: usize) -> impl Iterator<Item = &Reply> {
        self.of(root).filter(|reply| !reply.silent)
    }

    /// All that were ever sent, without the silent ones.
    pub fn ordinal(&self, root: usize) -> usize {
        self.heard(root).count()
    }

    pub fn reply_count(&self, root: usize) -> usize {
        self.of(root).filter(|reply| !reply.deleted).count()
    }

    pub fn participants(&self, root: usize) -> usize {
        let by = |who: usize| self.of(root).any(|reply| reply.by == who && !reply.deleted);
        (0..PEOPLE).filter(|who| by(*who)).count()
    }

    pub fn unread(&self, root: usize, who: usize) -> usize {
        self.heard(root)
            .skip(self.readers[root][who].read.unwrap_or(0))
            .filter(|reply| !reply.deleted)
            .count()
    }

    pub fn unread_total(&self, who: usize) -> usize {
        let follows = |root: &usize| self.readers[*root][who].following == Some(true);
        (0..ROOTS).filter(follows).map(|root| self.unread(root, who)).sum()
    }

    /// What the channel counts: the roots, and replies that are shown.
    pub fn unread_in_channel(&self, who: usize) -> usize {
        let timeline = std::iter::repeat_n(false, ROOTS).chain(
            self.replies.iter().filter(|reply| reply.shown && !reply.silent).map(|reply| reply.deleted),
        );
        timeline.skip(self.timeline_read[who]).filter(|deleted| !deleted).count()
    }

    pub fn send(&mut self, reply: Reply, mentions: Option<usize>) {
        let (root, by, shown, silent) = (reply.root, reply.by, reply.shown, reply.silent);
        let before = self.ordinal(root);
        self.replies.push(reply);
        // With the first reply who wrote the root takes part: the first two people wrote the roots.
        if before == 0 {
            self.takes_part(root, root, 0);
        }
        // The mention itself is the first that is unread.
        if let Some(who) = mentions {
            self.takes_part(root, who, before);
        }
        let own = &mut self.readers[root][by];
        own.following = own.following.or(Some(true));
        own.read = Some(own.read.unwrap_or(0).max(before + usize::from(!silent)));
        if shown && !silent {
            let count = ROOTS + self.replies.iter().filter(|reply| reply.shown && !reply.silent).count();
            self.timeline_read[by] = count;
        }
    }

    /// Follows, unless they said that they don't want to; who is new to the thread has read so many.
    fn takes_part(&mut self, root: usize, who: usize, read: usize) {
        let reader = &mut self.readers[root][who];
        reader.following = reader.following.or(Some(true));
        reader.read = reader.read.or(Some(read));
    }

    /// Reads so many replies, if that is further than before.
    pub fn read(&mut self, root: usize, who: usize, count: usize) {
        let reader = &mut self.readers[root][who];
        reader.read = Some(reader.read.unwrap_or(0).max(count));
    }

    pub fn follow(&mut self, root: usize, who: usize, following: bool) {
        if self.readers[root][who].following == Some(following) {
            return;
        }
        self.readers[root][who].following = Some(following);
        self.read(root, who, if following { self.ordinal(root) } else { 0 });
    }
}
