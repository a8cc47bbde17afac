use super::Session;
use super::text::{check_json, check_text};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{NodeId, UserId};
use crate::model::{
    Heartbeat, Node, NodeFilter, NodeUpdate, PortalNotes, Role, Secret, Standbys, TokenHash, User,
    is_clock_off,
};
use crate::policy::{self, Action};
use crate::ports::StoreExt as _;

impl Session {
    pub(super) async fn do_register_node(&self, id: NodeId, mut details: NodeUpdate) -> Result<Secret> {
        if self.caller.role == Role::NodeOwner && details.owner.is_none() {
            details.owner = Some(self.caller.id.clone());
        }
        self.require(&Action::RegisterNode(details.owner.as_ref()))?;
        check(&details)?;
        let store = &self.service.store;
        let exists = || {
            Error::new(ErrorKind::AlreadyExists, "node with the given id exists")
                .hint(format!("choose another id than {id}; users and nodes share one set of ids"))
        };
        let token = Secret::random_token()?;
        let user = User {
            id: UserId::from(&id),
            name: details.name.clone().unwrap_or_default(),
            role: Role::Node,
            team: String::new(),
            token: Some(TokenHash::of(&token)),
        };
        let node = details.apply(Node {
            id: id.clone(),
            name: String::new(),
            description: String::new(),
            coords: None,
            location: String::new(),
            provider: String::new(),
            public_ip: String::new(),
            owner: None,
            scheduling_enabled: true,
            standby: Standbys::default(),
            time_zone: None,
            clock_offset_us: None,
            portal: PortalNotes::default(),
            registered: self.service.clock.now(),
            last_active: None,
            contact_since: None,
        });
        match store.insert_user(&user).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists()),
            other => other?,
        }
        if let Err(error) = store.insert_node(&node).await {
            // The user was made for this node a moment ago; without it, it must not stay.
            store.delete_user(&user.id).await?;
            return Err(if error.kind() == ErrorKind::AlreadyExists { exists() } else { error });
        }
        Ok(token)
    }

    pub(super) async fn do_nodes(&self, filter: &NodeFilter) -> Result<Vec<Node>> {
        let now = self.service.clock.now();
        let mut nodes = match &filter.id {
            Some(id) => self.service.store.node(id).await?.into_iter().collect(),
            None => self.service.store.all_nodes().await?,
        };
        nodes.retain(|node| filter.matches(node, now));
        for node in &mut nodes {
            node.standby.drop_ended(now);
            if !policy::may(&self.caller, &Action::ReadNodeAddress(node)) {
                node.public_ip.clear();
            }
        }
        Ok(nodes)
    }

    pub(super) async fn do_update_node(&self, id: &NodeId, update: NodeUpdate) -> Result<()> {
        let node = self.service.node(id).await?;
        self.require(&Action::UpdateNode(&node))?;
        if update.owner.is_some() && update.owner != node.owner {
            // Giving a node away is what registering it for that owner would be.
            self.require(&Action::RegisterNode(update.owner.as_ref()))?;
        }
        check(&update)?;
        let site = node.site();
        let changed = update.apply(node);
        self.service.store.update_node(&changed).await?;
        if changed.site() != site {
            // Its orders tell it.
            self.service.stir(id).await?;
        }
        Ok(())
    }

    pub(super) async fn do_delete_node(&self, id: &NodeId, with_jobs: bool) -> Result<()> {
        let node = self.service.node(id).await?;
        self.require(&Action::DeleteNode(&node))?;
        if with_jobs {
            self.service.delete_jobs(id).await?;
        } else {
            let now = self.service.clock.now();
            let jobs = self.service.timetable(std::iter::once(id)).await?.jobs;
            let open = jobs.iter().filter(|job| job.window.end() > now).count();
            if open > 0 {
                return Err(Error::new(ErrorKind::Conflict, format!("node {id} has {open} booked jobs"))
                    .hint("delete them first, or ask for them to be deleted with the node"));
            }
        }
        self.service.store.delete_node(id).await?;
        match self.service.store.delete_user(&UserId::from(id)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    pub(super) async fn do_heartbeat(&self, beat: Heartbeat) -> Result<()> {
        let Heartbeat { node: id, time_zone, clock_offset_us } = beat;
        let node = self.service.node(&id).await?;
        self.require(&Action::UpdateNode(&node))?;
        let store = &self.service.store;
        if time_zone.is_some() && time_zone != node.time_zone {
            store.set_node_zone(&id, time_zone.as_ref()).await?;
        }
        if clock_offset_us.is_some() && clock_offset_us != node.clock_offset_us {
            store.set_node_clock(&id, clock_offset_us).await?;
            // Its orders tell an offset that is too much.
            if [clock_offset_us, node.clock_offset_us].into_iter().flatten().any(is_clock_off) {
                self.service.stir(&id).await?;
            }
        }
        store.touch_node(&id, self.service.clock.now()).await
    }
}

impl super::Service {
    /// The node of that id.
    pub(super) async fn node(&self, id: &NodeId) -> Result<Node> {
        self.store.node(id).await?.ok_or_else(|| {
            Error::not_found("node with given id does not exist")
                .hint(format!("check the id {id}; 'leoscope node get' lists the nodes"))
        })
    }
}

fn check(update: &NodeUpdate) -> Result<()> {
    let NodeUpdate {
        name,
        description,
        location,
        provider,
        public_ip,
        coords: _,
        owner: _,
        scheduling_enabled: _,
        portal: PortalNotes { bandwidth_limits_json, availability_history_json },
    } = update;
    let json = [
        ("bandwidth_limits_json", bandwidth_limits_json),
        ("availability_history_json", availability_history_json),
    ];
    for (field, text) in json.into_iter().filter_map(|(field, text)| Some((field, text.as_ref()?))) {
        check_json(field, text)?;
    }
    let texts = [
        ("name", name),
        ("description", description),
        ("location", location),
        ("provider", provider),
        ("public ip", public_ip),
    ];
    texts
        .into_iter()
        .filter_map(|(field, text)| Some((field, text.as_ref()?)))
        .try_for_each(|(field, text)| check_text(field, text))
}
