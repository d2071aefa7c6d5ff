//! Publications of busy channels, gathered into frames.
//!
//! In a room where fifty people speak at once, each message is a frame to each of its readers, and the frames cost more
//! than what is in them. So a channel in which more than [`Rules::above`] publications a second are told gets a frame
//! every [`Rules::window`] at the most, with all that came meanwhile: `{"batch": [envelope, …]}` in their order, each with
//! its own `seq` and `prev_seq`. A channel that is not so busy waits for nothing.
//!
//! What waits stands in the outbox still. Its row is forgotten when the last part of it was told; a relay that dies
//! leaves all of it to the next, which gathers anew, and clients drop by `seq` what they had.
//!
//! **Order.** What has to follow a publication of its channel finds it told: the end of a subscription first lets out
//! what waits for that channel, the end of a connection what waits in the lane.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Command, Publish};
use crate::error::{Error, Result};

/// Publications of one frame.
const MOST: usize = 100;
/// Bytes of one frame: well below what a server lets wait for one client.
const MOST_BYTES: usize = 64 * 1024;
/// Over this a publication's rate is counted.
const SECOND: Duration = Duration::from_secs(1);
/// Only the channels of conversations: what is on a user's own channel is gathered by who tells it.
const ROOMS: &str = "chat:channel:";

/// When to gather.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Publications a second of one channel above which it is busy; 0: none is.
    pub above: u32,
    /// Between two frames of a busy channel.
    pub window: Duration,
}

/// A row of the outbox.
pub type RowKey = (Uuid, i64);

/// What goes out together, and of which rows it is a part.
#[derive(Debug, Default)]
pub struct Step {
    pub commands: Vec<Command>,
    parts: Vec<i64>,
}

/// The busy channels of one lane.
pub struct Busy {
    rules: Rules,
    rooms: HashMap<String, Room>,
    /// Those of them in which something waits: few, where there may be many rooms.
    waiting: BTreeSet<String>,
    /// Rows of which something is not told yet, and how many parts.
    rows: HashMap<i64, (Uuid, usize)>,
    swept: Instant,
}

struct Room {
    began: Instant,
    /// Publications in this second and in the one before.
    count: u32,
    before: u32,
    /// When the last frame went out.
    told: Option<Instant>,
    waiting: Vec<(i64, Publish)>,
    bytes: usize,
    since: Instant,
}

impl Busy {
    /// Nothing waits yet.
    pub fn new(rules: Rules, now: Instant) -> Self {
        Self { rules, rooms: HashMap::new(), waiting: BTreeSet::new(), rows: HashMap::new(), swept: now }
    }

    /// Takes a row. What of it does not wait is to go out now.
    pub fn take(&mut self, row: RowKey, commands: Vec<Command>, now: Instant) -> Result<Step> {
        let mut step = Step::default();
        self.part_of(row);
        for command in commands {
            match command {
                Command::Publish(publish) if self.rules.above > 0 && publish.channel.starts_with(ROOMS) => {
                    self.publish(row, publish, now, &mut step)?;
                    continue;
                }
                Command::Unsubscribe(ref ended) => self.let_out(&ended.channel, now, &mut step)?,
                Command::Broadcast(ref broadcast) => {
                    for channel in &broadcast.channels {
                        self.let_out(channel, now, &mut step)?;
                    }
                }
                Command::Disconnect(_) | Command::DisconnectAll(_) => {
                    self.let_all_out(now, &mut step)?;
                }
                Command::Publish(_) => {}
            }
            step.commands.push(command);
        }
        step.parts.push(row.1);
        Ok(step)
    }

    /// The frames whose time has come; all of them at the end.
    pub fn due(&mut self, now: Instant, all: bool) -> Result<Step> {
        let mut step = Step::default();
        let is_due = |name: &&String| {
            let due = self.rooms.get(*name).and_then(|room| room.due(self.rules.window));
            due.is_some_and(|due| all || due <= now)
        };
        for name in self.waiting.iter().filter(is_due).cloned().collect::<Vec<_>>() {
            self.let_out(&name, now, &mut step)?;
        }
        if now.duration_since(self.swept) > 2 * SECOND {
            self.swept = now;
            let is_quiet =
                |room: &Room| room.waiting.is_empty() && now.duration_since(room.began) > 2 * SECOND;
            self.rooms.retain(|_, room| !is_quiet(room));
        }
        Ok(step)
    }

    /// When the next frame is due.
    pub fn next(&self) -> Option<Instant> {
        let rooms = self.waiting.iter().filter_map(|name| self.rooms.get(name));
        rooms.filter_map(|room| room.due(self.rules.window)).min()
    }

    /// Rows of which something waits.
    pub fn rows(&self) -> impl Iterator<Item = i64> {
        self.rows.keys().copied()
    }

    /// The step was told. Gives the rows of which nothing is left to tell.
    pub fn told(&mut self, step: &Step) -> Vec<RowKey> {
        let mut complete = Vec::new();
        for id in &step.parts {
            let Some((app, parts)) = self.rows.get_mut(id) else { continue };
            *parts -= 1;
            if *parts == 0 {
                complete.push((*app, *id));
                self.rows.remove(id);
            }
        }
        complete
    }

    fn part_of(&mut self, (app, id): RowKey) {
        self.rows.entry(id).or_insert((app, 0)).1 += 1;
    }

    fn publish(&mut self, row: RowKey, publish: Publish, now: Instant, step: &mut Step) -> Result<()> {
        if !self.rooms.contains_key(&publish.channel) {
            self.rooms.insert(publish.channel.clone(), Room::new(now));
        }
        let Some(room) = self.rooms.get_mut(&publish.channel) else { return Ok(()) };
        let rate = room.rate(now);
        if room.waiting.is_empty() && rate <= f64::from(self.rules.above) {
            room.told = Some(now);
            step.commands.push(Command::Publish(publish));
            return Ok(());
        }
        if room.waiting.is_empty() {
            room.since = now;
            self.waiting.insert(publish.channel.clone());
        } else if room.bytes + publish.data.get().len() > MOST_BYTES {
            room.frame(now, step)?;
            room.since = now;
        }
        let full = (room.waiting.len() + 1 >= MOST).then(|| publish.channel.clone());
        room.bytes += publish.data.get().len();
        room.waiting.push((row.1, publish));
        self.part_of(row);
        full.map_or(Ok(()), |name| self.let_out(&name, now, step))
    }

    fn let_out(&mut self, channel: &str, now: Instant, step: &mut Step) -> Result<()> {
        if !self.waiting.remove(channel) {
            return Ok(());
        }
        self.rooms.get_mut(channel).map_or(Ok(()), |room| room.frame(now, step))
    }

    fn let_all_out(&mut self, now: Instant, step: &mut Step) -> Result<()> {
        for name in self.waiting.clone() {
            self.let_out(&name, now, step)?;
        }
        Ok(())
    }
}

impl Room {
    fn new(now: Instant) -> Self {
        Self { began: now, count: 0, before: 0, told: None, waiting: Vec::new(), bytes: 0, since: now }
    }

    /// Counts a publication, and gives how many there were in the last second.
    fn rate(&mut self, now: Instant) -> f64 {
        let over = now.duration_since(self.began);
        if over >= SECOND {
            self.before = if over < 2 * SECOND { self.count } else { 0 };
            self.count = 0;
            self.began = if over < 2 * SECOND { self.began + SECOND } else { now };
        }
        self.count += 1;
        let into = now.duration_since(self.began).as_secs_f64();
        let left = f64::from(self.before) * (1.0 - into).max(0.0);
        // This one and the one before the second are its two ends: only one of them is in it.
        f64::from(self.count) + (left - 1.0).max(0.0)
    }

    /// When what waits is to go out: a window after the last frame, or at once if that is over.
    fn due(&self, window: Duration) -> Option<Instant> {
        let after_last = self.told.map_or(self.since, |told| told + window);
        (!self.waiting.is_empty()).then(|| self.since.max(after_last))
    }

    fn frame(&mut self, now: Instant, step: &mut Step) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        step.parts.extend(waiting.iter().map(|(row, _)| *row));
        let mut publications = waiting.into_iter().map(|(_, publish)| publish).collect::<Vec<_>>();
        match publications.len() {
            0 => return Ok(()),
            1 => step.commands.extend(publications.pop().map(Command::Publish)),
            _ => step.commands.push(Command::Publish(gathered(&publications)?)),
        }
        self.told = Some(now);
        Ok(())
    }
}

/// One publication of several.
fn gathered(publications: &[Publish]) -> Result<Publish> {
    let (Some(first), Some(last)) = (publications.first(), publications.last()) else {
        return Err(Error::internal("a frame of nothing"));
    };
    let envelopes: Vec<&str> = publications.iter().map(|publish| publish.data.get()).collect();
    metrics::counter!("parlor_relay_gathered_total").increment(envelopes.len() as u64);
    Ok(Publish {
        channel: first.channel.clone(),
        data: RawValue::from_string(format!("{{\"batch\":[{}]}}", envelopes.join(",")))
            .map_err(Error::internal)?,
        // The same publications make the same frame, so a repetition is known.
        idempotency_key: format!("{}+{}", first.idempotency_key, last.idempotency_key),
        skip_history: publications.iter().all(|publish| publish.skip_history),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;
    use crate::outbox::Unsubscribe;

    const WINDOW: Duration = Duration::from_millis(75);

    fn publish(room: &str, number: usize) -> Command {
        Command::Publish(Publish {
            channel: format!("{ROOMS}{room}"),
            data: RawValue::from_string(number.to_string()).unwrap(),
            idempotency_key: format!("{room}{number}"),
            skip_history: number.is_multiple_of(2),
        })
    }

    fn said(step: &Step) -> Vec<String> {
        let say = |command: &Command| match command {
            Command::Publish(publish) => {
                format!("{} {}", publish.channel.trim_start_matches(ROOMS), publish.data.get())
            }
            Command::Unsubscribe(ended) => format!("unsubscribe {}", ended.user),
            other => format!("{other:?}"),
        };
        step.commands.iter().map(say).collect()
    }

    struct Lane {
        busy: Busy,
        now: Instant,
        row: i64,
    }

    impl Lane {
        fn new(above: u32) -> Self {
            let now = monotonic();
            Self { busy: Busy::new(Rules { above, window: WINDOW }, now), now, row: 0 }
        }

        /// What goes out, and the rows that are done with it.
        fn take(&mut self, commands: Vec<Command>) -> (Vec<String>, Vec<i64>) {
            self.row += 1;
            let step = self.busy.take((Uuid::nil(), self.row), commands, self.now).unwrap();
            self.tell(&step)
        }

        fn after(&mut self, ms: u64) -> (Vec<String>, Vec<i64>) {
            self.now += Duration::from_millis(ms);
            let step = self.busy.due(self.now, false).unwrap();
            self.tell(&step)
        }

        fn tell(&mut self, step: &Step) -> (Vec<String>, Vec<i64>) {
            let mut rows: Vec<i64> = self.busy.told(step).into_iter().map(|(_, id)| id).collect();
            rows.sort_unstable();
            (said(step), rows)
        }
    }

    #[test]
    fn a_quiet_room_waits_for_nothing() {
        let mut lane = Lane::new(20);
        for number in 0..100 {
            let (told, rows) = lane.take(vec![publish("a", number)]);
            assert_eq!((told, rows.len()), (vec![format!("a {number}")], 1));
            assert_eq!(lane.after(50).0, Vec::<String>::new());
        }
    }

    #[test]
    fn a_busy_room_is_told_in_frames_and_its_rows_wait_for_them() {
        let mut lane = Lane::new(2);
        assert_eq!(lane.take(vec![publish("a", 1), publish("a", 2)]).0, ["a 1", "a 2"]);
        assert_eq!(lane.take(vec![publish("a", 3), publish("b", 1)]), (vec!["b 1".into()], vec![]));
        assert_eq!(lane.take(vec![publish("a", 4)]), (vec![], vec![]));
        assert_eq!(lane.busy.rows().count(), 2);
        assert_eq!(lane.busy.next(), Some(lane.now + WINDOW));
        assert_eq!(lane.after(74), (vec![], vec![]));
        assert_eq!(lane.after(1), (vec![r#"a {"batch":[3,4]}"#.into()], vec![2, 3]));
        assert_eq!(lane.busy.next(), None);
        // One alone needs no frame; and when the room has calmed down there is none.
        assert_eq!(lane.take(vec![publish("a", 5)]), (vec![], vec![]));
        assert_eq!(lane.after(75), (vec!["a 5".into()], vec![4]));
        lane.after(2_500);
        assert_eq!(lane.take(vec![publish("a", 6)]), (vec!["a 6".into()], vec![5]));
    }

    #[test]
    fn a_frame_has_its_limits_and_keeps_the_order() {
        let mut lane = Lane::new(1);
        let (told, rows) = lane.take((0..=2 * MOST).map(|number| publish("a", number)).collect());
        let sizes: Vec<usize> = told.iter().map(|frame| frame.matches(',').count() + 1).collect();
        assert_eq!((sizes, rows), (vec![1, MOST, MOST], vec![1]));
        assert!(told[1].starts_with(r#"a {"batch":[1,2,"#) && told[2].ends_with(",199,200]}"), "{told:?}");
    }

    #[test]
    fn who_is_sent_away_has_heard_what_was_before() {
        let mut lane = Lane::new(1);
        let leave = Command::Unsubscribe(Unsubscribe { user: "ann".into(), channel: format!("{ROOMS}a") });
        let (told, rows) = lane.take(vec![
            publish("a", 1),
            publish("a", 2),
            publish("a", 3),
            publish("b", 1),
            publish("b", 2),
            leave,
        ]);
        assert_eq!(told, ["a 1", "b 1", r#"a {"batch":[2,3]}"#, "unsubscribe ann"]);
        assert_eq!(rows, Vec::<i64>::new(), "b waits");
        let step = lane.busy.due(lane.now, true).unwrap();
        assert_eq!(lane.tell(&step), (vec!["b 2".into()], vec![1]), "at the end nothing is left");
    }

    #[test]
    fn a_frame_is_kept_if_one_of_it_is_and_known_when_it_comes_again() {
        let frame = |numbers: &[usize]| {
            let publications: Vec<Publish> = numbers
                .iter()
                .map(|number| match publish("a", *number) {
                    Command::Publish(publish) => publish,
                    _ => unreachable!(),
                })
                .collect();
            gathered(&publications).unwrap()
        };
        assert!(frame(&[2, 4]).skip_history && !frame(&[2, 3]).skip_history);
        assert_eq!(frame(&[2, 3]).idempotency_key, frame(&[2, 3]).idempotency_key);
        assert_ne!(frame(&[2, 3]).idempotency_key, frame(&[2, 3, 4]).idempotency_key);
    }
}
