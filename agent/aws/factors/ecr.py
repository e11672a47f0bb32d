"""ECR: repositories that keep every image that was ever pushed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from agent.aws.catalogue import Book, Evidence, Factor, Result
from agent.aws.factors._estate import Cost, Subject, finding, is_retained
from agent.aws.factors._tagged import TAGGED, tags_by_arn
from agent.aws.snapshot import Resource, Snapshot

KEY = "ECR_LIFECYCLE"
GIB = 1024**3
OLD_DAYS = 90
UNTAGGED_DAYS = 14
_POLICY = (
    '\'{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed",'
    '"countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}\''
)


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    ruled = {str(one["repositoryName"]) for one in snapshot.of("ecr.lifecycle")}
    tags = tags_by_arn(snapshot)
    images: dict[str, list[Resource]] = defaultdict(list)
    for image in snapshot.of("ecr.images"):
        images[str(image["repositoryName"])].append(image)
    for repository in snapshot.of("ecr.repositories"):
        name, own = str(repository["repositoryName"]), tags.get(str(repository["repositoryArn"]), {})
        if name in ruled or is_retained(own):
            continue
        left = list(_unused(snapshot, images[name]))
        if left:
            subject = Subject(
                resource_id=str(repository["repositoryArn"]),
                resource=repository,
                tags=own,
                since=repository["createdAt"],
                name=name,
            )
            yield _finding(snapshot, book, subject, left)


def _unused(snapshot: Snapshot, images: list[Resource]) -> Iterator[Resource]:
    """Not the newest one, nor what was pulled lately or runs as a function, which pulls nothing."""
    running = {f"sha256:{one.get('CodeSha256')}" for one in snapshot.of("lambda.functions")}
    newest = max(images, key=lambda image: image["imagePushedAt"], default=None)
    for image in images:
        pulled, days = image.get("lastRecordedPullTime"), snapshot.age_days(image["imagePushedAt"])
        used = image["imageDigest"] in running or (pulled and snapshot.age_days(pulled) < OLD_DAYS)
        old = days >= (OLD_DAYS if image.get("imageTags") else UNTAGGED_DAYS)
        if old and not used and image is not newest:
            yield image


def _finding(snapshot: Snapshot, book: Book, subject: Subject, images: list[Resource]) -> Result:
    """Layers that images share are stored once, so this is the most that it can be."""
    name, size = subject.name, sum(float(image["imageSizeInBytes"]) for image in images)
    untagged = sum(not image.get("imageTags") for image in images)
    return finding(
        snapshot,
        subject,
        Cost(now=book.price("ecr", "gb", snapshot.region).times(size / GIB)),
        description=f"Repository {name} has no lifecycle policy and {len(images)} images that nobody pulls,"
        f" {untagged} of them untagged",
        action=f"Let a lifecycle policy expire old images of {name}; check first that no task definition names them",
        cli=f"aws ecr put-lifecycle-policy --repository-name {name} --lifecycle-policy-text {_POLICY}",
        risk="LOW",
        confidence="MEDIUM",
        metadata={"images": len(images), "untagged": untagged, "bytes": size},
        evidence=(Evidence(metric="bytes of unused images", stat="Sum", value=size),),
    )


FACTORS = (
    Factor(
        key=KEY,
        number=28,
        category="Cleaner",
        service="ECR",
        kind="MODERNIZE",
        title="Repositories that keep every image",
        collections=("ecr.repositories", "ecr.lifecycle", "ecr.images"),
        optional=(TAGGED, "lambda.functions"),
        estimate=estimate,
        min_savings=0.0,
    ),
)
