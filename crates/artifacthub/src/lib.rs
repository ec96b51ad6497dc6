//! A policy as a package of [Artifact Hub](https://artifacthub.io), from what its module says of itself.
//!
//! Source: kubewarden-controller 3460bb71, `crates/policy-evaluator/src/policy_artifacthub.rs`, which is what
//! `kwctl scaffold artifacthub` writes.

use std::collections::BTreeMap;

use serde::Serialize;
use upgrade_gate_host::Metadata;

/// When the version of this workspace was released, as RFC 3339. It changes with the version.
pub const CREATED_AT: &str = "2026-11-25T00:00:00Z";

/// `artifacthub-pkg.yml`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    version: String,
    name: String,
    display_name: String,
    created_at: &'static str,
    description: String,
    license: String,
    #[serde(rename = "homeURL")]
    home_url: String,
    containers_images: [Image; 1],
    keywords: Vec<String>,
    links: [Link; 2],
    install: String,
    maintainers: Vec<Maintainer>,
    provider: Provider,
    recommendations: [Recommendation; 1],
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
struct Image {
    name: &'static str,
    image: String,
}

#[derive(Debug, Serialize)]
struct Link {
    name: &'static str,
    url: String,
}

#[derive(Debug, Serialize)]
struct Maintainer {
    name: String,
    email: String,
}

#[derive(Debug, Serialize)]
struct Provider {
    name: &'static str,
}

#[derive(Debug, Serialize)]
struct Recommendation {
    url: &'static str,
}

/// Why a policy has no package.
pub type Error = Box<dyn std::error::Error>;

/// The text of `artifacthub-pkg.yml`. `questions` is the whole `questions-ui.yml`.
///
/// # Errors
/// An annotation that is not there, by name; an author without `<EMAIL>`.
pub fn package(metadata: &Metadata, questions: &str) -> Result<String, Error> {
    let annotation = |name: &str| {
        metadata.annotations.get(name).cloned().ok_or_else(|| format!("metadata.yml has no annotation `{name}`"))
    };
    let own = |name: &str| annotation(&format!("io.kubewarden.policy.{name}"));
    let (version, source) = (own("version")?, own("source")?);
    let image = format!("{}:v{version}", own("ociUrl")?);
    let tag = annotation("com.github.release.tag")?.replace('/', "%2F");
    let package = Package {
        name: own("title")?,
        display_name: annotation("io.artifacthub.displayName")?,
        created_at: CREATED_AT,
        description: own("description")?,
        license: own("license")?,
        home_url: own("url")?,
        keywords: annotation("io.artifacthub.keywords")?.split(',').map(|word| word.trim().to_owned()).collect(),
        links: [
            Link { name: "policy", url: format!("{source}/releases/download/{tag}/policy.wasm") },
            Link { name: "source", url: source },
        ],
        install: install(&image),
        containers_images: [Image { name: "policy", image }],
        maintainers: own("author")?.split(',').map(maintainer).collect::<Result<_, _>>()?,
        provider: Provider { name: "kubewarden" },
        recommendations: [Recommendation {
            url: "https://artifacthub.io/packages/helm/kubewarden/kubewarden-controller",
        }],
        annotations: BTreeMap::from([
            ("kubewarden/mutation", metadata.mutating.to_string()),
            ("kubewarden/contextAwareResources", serde_saphyr::to_string(&metadata.context_aware_resources)?),
            ("kubewarden/rules", serde_saphyr::to_string(&metadata.rules)?),
            ("kubewarden/questions-ui", questions.to_owned()),
            ("kubewarden/resources", annotation("io.artifacthub.resources")?),
        ]),
        version,
    };
    Ok(serde_saphyr::to_string(&package)?)
}

/// `NAME <EMAIL>`.
fn maintainer(author: &str) -> Result<Maintainer, Error> {
    let parts = author.trim().strip_suffix('>').and_then(|author| author.split_once(" <"));
    let (name, email) = parts.ok_or_else(|| format!("author `{author}`: expected NAME <EMAIL>"))?;
    Ok(Maintainer { name: name.into(), email: email.into() })
}

/// How to get the policy, as Markdown.
fn install(image: &str) -> String {
    format!(
        "\
With [upgrade-gate](https://github.com/upgrade-gate/upgrade-gate), which prints the ClusterAdmissionPolicies and the rights that
the policy needs:

```console
upgrade-gate policies manifests {policy} | kubectl apply -f -
```

Or get the module with [kwctl](https://docs.kubewarden.io/howtos/install-kwctl), and write the manifest of one
ClusterAdmissionPolicy from it:

```console
kwctl pull {image}
kwctl scaffold manifest -t ClusterAdmissionPolicy --allow-context-aware registry://{image}
```
",
        policy = image.rsplit('/').next().and_then(|name| name.split(':').next()).unwrap_or(image),
    )
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_policy_has_a_package_and_that_in_the_root_is_current() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for policy in upgrade_gate_bundle::BUNDLED {
            let metadata = Metadata::of(policy.wasm).unwrap().unwrap();
            let questions =
                fs::read_to_string(root.join("policies").join(policy.name).join("questions-ui.yml")).unwrap();
            let written = package(&metadata, &questions).unwrap();
            if policy.name == "integrated-nmo" {
                let kept = fs::read_to_string(root.join("artifacthub-pkg.yml")).unwrap();
                assert_eq!(kept, written, "run `make artifacthub`");
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = package(&Metadata::default(), "").unwrap_err().to_string();
        assert_eq!(error, "metadata.yml has no annotation `io.kubewarden.policy.version`");
        assert!(maintainer("nobody").is_err());
    }
}
